//! The packages of the demo's flows: small Python programs that could really run.

use std::fmt::Write as _;
use std::path::Path;

use super::catalog::FlowDef;
use crate::exit::Exit;
use crate::failure::{Done, Failure};

/// Beginning of each program: how it talks to Baton, and does without.
const HEAD: &str = r#"
import json
import os
import random
import time

EVENTS = os.environ.get("BATON_EVENTS")


def report(**event):
    """Tells Baton what happens; does nothing when the script runs by itself."""
    if EVENTS:
        with open(EVENTS, "a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")


def parameter(name, default=None):
    return os.environ.get(f"BATON_PARAM_{name.upper()}", default)
"#;

/// Writes the files of a version to a folder of its own below `folder`, and packs them.
pub(crate) fn pack(flow: &FlowDef, version: usize, folder: &Path) -> Done<Vec<u8>> {
    let top = folder.join(flow.name).join(format!("v{version}"));
    std::fs::create_dir_all(&top).map_err(|e| Failure::file(&top, "make", &e))?;
    for (name, text) in files(flow, version) {
        let path = top.join(name);
        std::fs::write(&path, text).map_err(|e| Failure::file(&path, "write", &e))?;
    }
    baton_api::package::pack(&top).map_err(|e| {
        Failure::new(
            Exit::Failed,
            e.code,
            format!("cannot pack {}: {e}", top.display()),
        )
    })
}

fn files(flow: &FlowDef, version: usize) -> [(&'static str, String); 3] {
    let schema = flow.schemas.get(version - 1).copied().unwrap_or("{}");
    let mut read_me = format!("# {}\n\n{}.\n\n## Versions\n\n", flow.name, flow.about);
    for (index, change) in flow.changes.iter().take(version).enumerate() {
        let _ = writeln!(read_me, "{}. {change}", index + 1);
    }
    [
        ("main.py", program(flow, version)),
        ("parameters.json", format!("{schema}\n")),
        ("README.md", read_me),
    ]
}

fn program(flow: &FlowDef, version: usize) -> String {
    let mut text = format!(
        "\"\"\"{}.\n\nVersion {version}.\n\"\"\"\n{HEAD}",
        flow.about
    );
    for step in flow.steps {
        let name = step.key;
        let _ = write!(text, "\n\ndef {name}():\n    \"\"\"{}.\"\"\"\n", step.name);
        for said in step.says {
            let said = said.trim_start_matches(['!', '?']);
            let line = serde_json::to_string(said).unwrap_or_default();
            let _ = writeln!(
                text,
                "    print({line}.replace(\"{{n}}\", str(random.randrange(400))))"
            );
        }
        let _ = writeln!(text, "    time.sleep({:.1})", step.weight);
    }
    text.push_str("\n\ndef main():\n");
    for step in flow.steps {
        let after = serde_json::to_string(step.after).unwrap_or_default();
        let _ = write!(
            text,
            "    report(type=\"task\", key=\"{key}\", name=\"{name}\", state=\"running\", after={after})\n    \
             {key}()\n    \
             report(type=\"task\", key=\"{key}\", state=\"completed\")\n",
            key = step.key,
            name = step.name,
        );
    }
    text.push_str("\n\nif __name__ == \"__main__\":\n    main()\n");
    text
}
