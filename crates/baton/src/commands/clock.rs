//! Times that a person writes without an offset: the server says which instants they are, by its own zone data.

use baton_api::client::ClientError;
use baton_api::rest::InstantQuery;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Session;
use crate::failure::Done;
use crate::{settings, units};

/// The clock of a zone.
pub(crate) struct Clock<'a> {
    /// Who reads it; `None` is this machine.
    server: Option<&'a Session>,
    /// The zone; `None` is this machine's where that has no name.
    zone: Option<String>,
    /// Whether this machine reads it where no server answers.
    or_here: bool,
}

impl<'a> Clock<'a> {
    /// The clock of this zone as the server has it.
    pub(crate) fn of(session: &'a Session, zone: &str) -> Self {
        Self {
            server: Some(session),
            zone: Some(zone.to_owned()),
            or_here: false,
        }
    }

    /// The clock of this machine's zone as the server has it.
    pub(crate) fn of_here(session: &'a Session) -> Self {
        Self {
            server: Some(session),
            zone: settings::zones::here_named(),
            or_here: false,
        }
    }

    /// The same, read here where no server answers.
    pub(crate) const fn or_here(mut self) -> Self {
        self.or_here = true;
        self
    }

    /// The clock of this zone by the zone data of this machine.
    #[cfg(test)]
    pub(crate) fn without_server(zone: &str) -> Self {
        Self {
            server: None,
            zone: Some(zone.to_owned()),
            or_here: true,
        }
    }

    /// The instant that a text means.
    pub(crate) async fn instant(&self, text: &str) -> Done<Timestamp> {
        // With an offset it is the same by all rules; what is no time at all needs nobody to say so.
        let plain = units::instant(text, &TimeZone::UTC)?;
        if text.trim().parse::<Timestamp>().is_ok() {
            return Ok(plain);
        }
        let Some(zone) = &self.zone else {
            return units::instant(text, &settings::zones::here());
        };
        let Some(session) = self.server else {
            return units::instant(text, &settings::zones::kept(zone)?);
        };
        let query = InstantQuery {
            local: text.trim().to_owned(),
            timezone: Some(zone.clone()),
        };
        match session.client.instant(&query).await {
            Ok(meant) => Ok(meant.at),
            Err(ClientError::Unreachable { .. }) if self.or_here => {
                units::instant(text, &settings::zones::kept(zone)?)
            }
            Err(error) => Err(error.into()),
        }
    }
}
