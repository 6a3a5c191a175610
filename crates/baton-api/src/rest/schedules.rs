//! Schedules and their preview.

use baton_core::id::{DeploymentId, FlowId, RobotId, ScheduleId};
use baton_core::run::Priority;
use baton_core::schedule::{Missed, Overlap, Rule, ScheduleError, ScheduleSettings};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::{LocalTime, ZoneData, nullable};

/// When a deployment runs by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Schedule {
    /// Its id; stable across redeploys.
    pub id: ScheduleId,
    /// The deployment it runs.
    pub deployment_id: DeploymentId,
    /// The deployment's name.
    pub deployment_name: String,
    /// The flow.
    pub flow_id: FlowId,
    /// The flow's name.
    pub flow_name: String,
    /// Unique within the deployment.
    pub name: String,
    /// Everything that can be edited.
    pub settings: ScheduleSettings,
    /// The rule in plain English.
    pub description: String,
    /// Whether it is paused.
    pub paused: bool,
    /// Whether its deployment is paused, and with it all its schedules.
    pub deployment_paused: bool,
    /// Whether it has fired for the last time: nothing is paused, and yet no slot is to come.
    #[serde(default)]
    pub over: bool,
    /// The next slot; absent when there is none, or when it or its deployment is paused.
    pub next_at: Option<Timestamp>,
    /// The next slot on the wall clock of the schedule's zone, by the server's rules.
    #[serde(default)]
    pub next_local: Option<LocalTime>,
    /// Its start on the wall clock of its zone, where it has one.
    #[serde(default)]
    pub starts_local: Option<LocalTime>,
    /// Its end on the wall clock of its zone, where it has one.
    #[serde(default)]
    pub ends_local: Option<LocalTime>,
    /// Every slot up to here is decided: the latest one that was, or a later edit.
    pub last_slot: Option<Timestamp>,
    /// The same on the wall clock of the schedule's zone.
    #[serde(default)]
    pub last_local: Option<LocalTime>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl PreviewSlot {
    /// The slot on the wall clock of the schedule's zone.
    pub fn on_clock(&self) -> LocalTime {
        LocalTime {
            local: self.local.clone(),
            offset: self.offset.clone(),
            abbreviation: self.abbreviation.clone(),
        }
    }
}

/// Which schedules are listed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ScheduleQuery {
    /// Of this deployment, by id or `flow/name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// Rows on the page: 1 to 1000, 50 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// The `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// When a schedule fires, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleInput {
    /// When it fires.
    pub rule: Rule,
    /// IANA zone in which wall-clock times are meant; the server's unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// No slot before this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Timestamp>,
    /// No slot after this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// Each run is due up to this many seconds after its slot.
    #[serde(default)]
    pub jitter_seconds: u32,
    /// What happens to slots that passed while nothing could fire.
    #[serde(default)]
    pub missed: Missed,
    /// What happens when the run before is still going.
    #[serde(default)]
    pub overlap: Overlap,
    /// Parameters of its runs, over those of the deployment.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub parameters: Map<String, Value>,
    /// The one robot its runs may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub robot_id: Option<RobotId>,
    /// Priority of its runs, over that of the deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
}

impl ScheduleInput {
    /// A schedule with this rule and nothing else said.
    pub fn new(rule: Rule) -> Self {
        Self {
            rule,
            timezone: None,
            starts_at: None,
            ends_at: None,
            jitter_seconds: 0,
            missed: Missed::default(),
            overlap: Overlap::default(),
            parameters: Map::new(),
            robot_id: None,
            priority: None,
        }
    }

    /// These settings as they were given, with this zone where none was named.
    pub fn given(self, timezone: &str) -> ScheduleSettings {
        ScheduleSettings {
            rule: self.rule,
            timezone: self.timezone.unwrap_or_else(|| timezone.to_owned()),
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            jitter_seconds: self.jitter_seconds,
            missed: self.missed,
            overlap: self.overlap,
            parameters: self.parameters,
            robot_id: self.robot_id,
            priority: self.priority,
        }
    }
}

/// A schedule to be made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSchedule {
    /// The deployment it runs, by id or `flow/name`.
    pub deployment: String,
    /// Unique within the deployment; drawn from the rule's kind unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it fires, and how.
    pub settings: ScheduleInput,
    /// Whether it starts paused.
    #[serde(default)]
    pub paused: bool,
}

/// What of a schedule is changed. What is absent stays; `null` clears what may be empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateSchedule {
    /// Unique within the deployment. A schedule that is called after the kind of its rule follows a rule
    /// of another kind unless a name is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it fires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Rule>,
    /// IANA zone in which wall-clock times are meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// No slot before this.
    #[serde(default, with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Timestamp>)]
    pub starts_at: Option<Option<Timestamp>>,
    /// No slot after this.
    #[serde(default, with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Timestamp>)]
    pub ends_at: Option<Option<Timestamp>>,
    /// Each run is due up to this many seconds after its slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter_seconds: Option<u32>,
    /// What happens to slots that passed while nothing could fire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missed: Option<Missed>,
    /// What happens when the run before is still going.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap: Option<Overlap>,
    /// Parameters of its runs; replaced as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub parameters: Option<Map<String, Value>>,
    /// The one robot its runs may use; `null` is any.
    #[serde(default, with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<RobotId>)]
    pub robot_id: Option<Option<RobotId>>,
    /// Priority of its runs; `null` is the deployment's.
    #[serde(default, with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Priority>)]
    pub priority: Option<Option<Priority>>,
    /// Whether it is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
}

/// A rule to be looked at before it is used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewRequest {
    /// When it fires, and how.
    pub settings: ScheduleInput,
    /// Slots at or after this; now unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// How many slots: 1 to 1000, 10 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

/// How many coming slots are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct NextQuery {
    /// 1 to 1000, 10 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

/// When a rule fires next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SchedulePreview {
    /// The rule in plain English.
    pub description: String,
    /// The zone in which wall-clock times are meant.
    pub timezone: String,
    /// The time zone data they were computed by.
    pub zone_data: ZoneData,
    /// The coming slots, earliest first.
    pub slots: Vec<PreviewSlot>,
}

/// One coming slot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PreviewSlot {
    /// The instant.
    pub at: Timestamp,
    /// The same on the wall clock of the schedule's zone, with its offset.
    pub local: String,
    /// That offset: `+02:00`.
    #[serde(default)]
    pub offset: String,
    /// What the zone calls itself then: `CEST`.
    #[serde(default)]
    pub abbreviation: String,
    /// What daylight saving does here, where it does something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge: Option<String>,
}

impl SchedulePreview {
    /// The first `count` slots at or after `from` of settings that were given, after a look at whether they
    /// make sense. It needs no server: a command line without one shows the same.
    pub fn of(
        given: ScheduleSettings,
        from: Timestamp,
        count: u32,
        zone_data: ZoneData,
    ) -> Result<Self, ScheduleError> {
        let settings = given.normal()?;
        settings.check_from(from)?;
        Ok(Self::stored(&settings, from, count, zone_data))
    }

    /// The first `count` slots at or after `from` of settings that are stored.
    pub fn stored(
        settings: &ScheduleSettings,
        from: Timestamp,
        count: u32,
        zone_data: ZoneData,
    ) -> Self {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let slots = settings.preview(from, count).into_iter();
        Self {
            description: settings.describe(),
            timezone: settings.timezone.clone(),
            zone_data,
            slots: slots
                .map(|occurrence| PreviewSlot {
                    at: occurrence.slot_utc,
                    offset: offset_of(&occurrence.local),
                    local: occurrence.local,
                    abbreviation: occurrence.zone,
                    edge: occurrence.note,
                })
                .collect(),
        }
    }
}

/// The offset at the end of a local time: `+02:00`.
fn offset_of(local: &str) -> String {
    local
        .get(local.len().saturating_sub(6)..)
        .unwrap_or_default()
        .to_owned()
}
