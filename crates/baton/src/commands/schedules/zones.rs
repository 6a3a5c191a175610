//! `baton schedules check-zones`: which time zone data the server goes by, and which schedules it moved or other data would.

use baton_api::rest::{MovedSchedule, NextQuery, Schedule, ScheduleQuery, ZoneReport};
use baton_core::schedule::Timetable;
use baton_core::zone::Zones;
use owo_colors::OwoColorize as _;

use crate::cli::schedules::CheckZones;
use crate::commands::Session;
use crate::failure::Done;
use crate::output::{self, table};
use crate::settings;

/// Coming slots of each schedule that are compared: for a daily one nearly three years, so both clock changes.
const COMPARED: u32 = 1_000;

/// Does it.
pub(super) async fn check(session: &Session, args: &CheckZones) -> Done {
    let mut report = session.client.zone_report().await?;
    if let Some(folder) = &args.against {
        let other = settings::zones::of_folder(folder.clone())?;
        report.moved = against(session, &other).await?;
        report.before = None;
        report.changed_at = None;
        if !session.json {
            output::line(&format!(
                "compared with {}; nothing was changed",
                other.describe()
            ));
        }
    }
    if session.json {
        output::json(&report);
    } else {
        print(&report, args.against.is_some());
    }
    Ok(())
}

/// The schedules that this data would move. The server's own answers are compared, not its data.
async fn against(session: &Session, other: &Zones) -> Done<Vec<MovedSchedule>> {
    let query = ScheduleQuery::default();
    let mut moved = Vec::new();
    for schedule in session.client.all_schedules(&query).await?.items {
        let query = NextQuery {
            count: Some(COMPARED),
        };
        let now = session.client.about().await?.now;
        let coming = session.client.next_slots(schedule.id, &query).await?.slots;
        let Ok(timetable) = Timetable::by(&schedule.settings, other) else {
            continue;
        };
        let slots: Vec<_> = timetable.slots(now).take(coming.len()).collect();
        let first = coming.iter().zip(&slots).find(|(was, now)| was.at != **now);
        if let Some((was, now)) = first {
            moved.push(one(&schedule, &timetable, was.at, *now));
        }
    }
    Ok(moved)
}

fn one(
    schedule: &Schedule,
    timetable: &Timetable,
    was: jiff::Timestamp,
    now: jiff::Timestamp,
) -> MovedSchedule {
    let local = timetable.local(now);
    MovedSchedule {
        schedule_id: schedule.id,
        name: super::full_name(schedule),
        timezone: schedule.settings.timezone.clone(),
        was_at: Some(was),
        now_at: Some(now),
        now_local: Some(baton_api::rest::LocalTime {
            local: local.local,
            offset: local.offset,
            abbreviation: local.zone,
        }),
    }
}

fn print(report: &ZoneReport, would: bool) {
    output::line(&format!(
        "{} {}",
        "the server's time zone data:".bold(),
        report.zone_data.description
    ));
    if let Some(warning) = &report.zone_data.warning {
        output::warn(warning);
    }
    if let (Some(at), Some(before)) = (report.changed_at, &report.before) {
        output::line(&format!("since {}; before: {before}", output::clock(at)));
    }
    let mut table = table::table(&[
        "schedule",
        "zone",
        "was",
        if would { "would be" } else { "is" },
        "local",
    ]);
    for moved in &report.moved {
        table.add_row(vec![
            table::cell(&moved.name),
            table::cell(&moved.timezone),
            table::cell(output::or_dash(moved.was_at)),
            table::cell(output::or_dash(moved.now_at)),
            table::cell(output::or_dash(moved.now_local.as_ref())),
        ]);
    }
    table::print(
        &mut table,
        if would {
            "no schedule would move"
        } else {
            "no schedule moved"
        },
    );
}
