//! Says in plain English when a schedule fires.

use super::{Rule, ScheduleSettings};
impl ScheduleSettings {
    /// When it fires, in plain English.
    pub fn describe(&self) -> String {
        match &self.rule {
            Rule::Once { at } => at.clone(),
            _ => String::new(),
        }
    }
}
