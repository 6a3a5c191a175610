//! What a robot's flags say that it offers: labels, capabilities, work queues, desktops, an environment.

use baton_agent::AgentConfig;

use crate::cli::serve::Offer;
use crate::failure::{Done, Failure};

/// Refuses words that no server takes, before one is asked.
pub(crate) fn check(offer: &Offer) -> Done {
    let lists = [
        ("--label", &offer.label),
        ("--capability", &offer.capability),
        ("--queue", &offer.queue),
        ("--desktop", &offer.desktop),
    ];
    let words = lists
        .into_iter()
        .flat_map(|(flag, words)| words.iter().map(move |word| (flag, word)))
        .chain(offer.environment.iter().map(|word| ("--environment", word)));
    for (flag, word) in words {
        baton_core::text::check_line(word)
            .map_err(|why| Failure::usage(format!("{flag} {word:?} cannot be one: {why}")))?;
    }
    Ok(())
}

/// Puts it into what the agent tells the server.
pub(crate) fn tell(offer: &Offer, config: &mut AgentConfig) {
    let told = &mut config.offer;
    told.environment.clone_from(&offer.environment);
    told.labels = offer.label.iter().cloned().collect();
    told.capabilities = offer.capability.iter().cloned().collect();
    told.queues = offer.queue.iter().cloned().collect();
    told.desktops = offer.desktop.iter().cloned().collect();
}
