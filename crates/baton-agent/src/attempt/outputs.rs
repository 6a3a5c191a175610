//! What a script hands back in its outputs file, bounded and checked.

use std::fs;
use std::path::Path;

use baton_api::robot::MAX_OUTPUTS;
use serde_json::{Map, Value};

/// Adds what the script wrote into its outputs file.
pub(super) fn read_outputs(file: &Path, outputs: &mut Map<String, Value>) -> Result<(), String> {
    let size = match fs::metadata(file) {
        Ok(meta) if !meta.is_file() => return Err("the outputs file is not a file".into()),
        Ok(meta) => meta.len(),
        Err(_) => return Ok(()),
    };
    if size == 0 {
        return Ok(());
    }
    if size > MAX_OUTPUTS as u64 {
        return Err(format!(
            "the outputs file has {size} bytes; {MAX_OUTPUTS} are allowed, leave a file in BATON_ARTIFACTS instead"
        ));
    }
    let bytes = fs::read(file).map_err(|e| format!("the outputs file cannot be read: {e}"))?;
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(map)) => {
            outputs.extend(map);
            let total = serde_json::to_vec(&outputs).map_or(0, |v| v.len());
            if total > MAX_OUTPUTS {
                outputs.clear();
                return Err(format!(
                    "all outputs together have {total} bytes; {MAX_OUTPUTS} are allowed"
                ));
            }
            Ok(())
        }
        Ok(_) => Err("the outputs file must hold one JSON object".into()),
        Err(error) => Err(format!("the outputs file is not JSON: {error}")),
    }
}
