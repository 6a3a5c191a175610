//! What one attempt does and says, from its flow and chance: played back into history, or live by a simulated robot.

use baton_core::error::{ErrorInfo, ErrorKind};
use baton_core::run::{LogLevel, LogStream};
use baton_core::state::State;
use serde_json::{Map, Value, json};

use super::catalog::{Break, FlowDef, Step};
use super::dice::Dice;

/// How an attempt is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It goes well.
    Completed,
    /// It breaks in one of the flow's ways.
    Failed,
    /// It hangs until its deadline.
    TimedOut,
    /// Its robot is lost.
    Lost,
    /// Somebody cancels it.
    Cancelled,
}

impl Ending {
    /// How one of the many attempts ends: nine of ten go well unless there is trouble, so that after retries
    /// some 93 of 100 runs do.
    pub(crate) fn draw(dice: &mut Dice, trouble: f64) -> Self {
        let drawn = dice.share();
        if drawn < trouble.max(0.085) {
            Self::Failed
        } else if drawn > 0.993 {
            Self::TimedOut
        } else if drawn > 0.986 {
            Self::Lost
        } else if drawn > 0.974 {
            Self::Cancelled
        } else {
            Self::Completed
        }
    }
}

/// A line of a log.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// Seconds after the start.
    pub(crate) at: f64,
    pub(crate) level: LogLevel,
    pub(crate) stream: LogStream,
    pub(crate) task: Option<String>,
    pub(crate) text: String,
}

/// A task.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) after: Vec<String>,
    /// When it begins and ends, in seconds after the start; `None` where it never began.
    pub(crate) time: Option<(f64, f64)>,
    /// How it ends.
    pub(crate) state: State,
    pub(crate) error: Option<ErrorInfo>,
    pub(crate) data: Value,
}

/// What an attempt does and says.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    /// By rising time.
    pub(crate) lines: Vec<Line>,
    /// In the order of the flow.
    pub(crate) tasks: Vec<Task>,
    /// How long it takes, in seconds.
    pub(crate) seconds: f64,
    /// How it ends.
    pub(crate) ending: Ending,
    /// What went wrong.
    pub(crate) error: Option<ErrorInfo>,
    pub(crate) exit_code: Option<i32>,
    pub(crate) outputs: Map<String, Value>,
    /// Whether it leaves a screenshot.
    pub(crate) picture: bool,
}

/// Writes the script of an attempt. It never takes longer than `at_most` seconds.
pub(crate) fn write(flow: &FlowDef, ending: Ending, at_most: f64, dice: &mut Dice) -> Script {
    let (low, high) = flow.seconds;
    // Most runs are near the short end; a few take long.
    let usual = low + (high - low) * dice.share().powi(2);
    let seconds = usual.min(at_most);
    let broken = match ending {
        Ending::Failed => dice.pick(flow.breaks),
        _ => None,
    };
    let mut writer = Writer {
        dice,
        lines: Vec::new(),
        tasks: Vec::new(),
    };
    writer.line(0.02, LogLevel::Info, None, &format!("{} starts", flow.name));
    let cut = match (ending, broken) {
        (Ending::Completed, _) => f64::INFINITY,
        (_, Some(broken)) => writer.cut_in(flow, broken, seconds),
        _ => seconds * writer.dice.between(0.35, 0.95),
    };
    for step in flow.steps {
        writer.step(flow, step, seconds, cut, broken);
    }
    let seconds = if cut.is_finite() { cut } else { seconds };
    let error = writer.ending(ending, broken, seconds);
    let exit_code = match ending {
        Ending::Completed => Some(0),
        Ending::Failed => Some(broken.map_or(1, |b| b.code)),
        _ => None,
    };
    let outputs = match (ending, (flow.outputs)(writer.dice)) {
        (Ending::Completed, Value::Object(outputs)) => outputs,
        _ => Map::new(),
    };
    let Writer {
        mut lines, tasks, ..
    } = writer;
    lines.sort_by(|a, b| a.at.total_cmp(&b.at));
    Script {
        lines,
        tasks,
        seconds,
        ending,
        error,
        exit_code,
        outputs,
        picture: flow.pictures && matches!(ending, Ending::Completed | Ending::Failed),
    }
}

/// The script of a flow that the demo does not know: somebody deployed it here.
pub(crate) fn unknown(name: &str, dice: &mut Dice) -> Script {
    let text = format!("{name} is not executed: this robot is simulated and only pretends to work");
    let line = |at, text: &str| Line {
        at,
        level: LogLevel::Warning,
        stream: LogStream::System,
        task: None,
        text: text.to_owned(),
    };
    Script {
        lines: vec![
            line(0.1, &text),
            line(1.0, "add a real robot with `baton robot` to run it"),
        ],
        tasks: Vec::new(),
        seconds: dice.between(2.0, 5.0),
        ending: Ending::Completed,
        error: None,
        exit_code: Some(0),
        outputs: Map::new(),
        picture: false,
    }
}

struct Writer<'a> {
    dice: &'a mut Dice,
    lines: Vec<Line>,
    tasks: Vec<Task>,
}

impl Writer<'_> {
    fn line(&mut self, at: f64, level: LogLevel, task: Option<&str>, text: &str) {
        let stream = if level >= LogLevel::Error {
            LogStream::Stderr
        } else {
            LogStream::Stdout
        };
        self.lines.push(Line {
            at,
            level,
            stream,
            task: task.map(str::to_owned),
            text: text.to_owned(),
        });
    }

    /// When the step that breaks does so, if everything before it takes its time.
    fn cut_in(&mut self, flow: &FlowDef, broken: &Break, seconds: f64) -> f64 {
        let longest = longest_path(flow.steps);
        let (from, until) = place(flow.steps, broken.step, seconds / longest);
        self.dice.between(from + (until - from) * 0.3, until)
    }

    fn step(
        &mut self,
        flow: &FlowDef,
        step: &Step,
        seconds: f64,
        cut: f64,
        broken: Option<&Break>,
    ) {
        let scale = seconds / longest_path(flow.steps);
        let (from, until) = place(flow.steps, step.key, scale);
        let broken = broken.filter(|b| b.step == step.key);
        let state = if from >= cut {
            State::Cancelled
        } else if broken.is_some() {
            State::Failed
        } else if until > cut {
            State::Cancelled
        } else {
            State::Completed
        };
        let end = until.min(cut);
        let error = broken.map(|b| ErrorInfo::new(b.kind, b.message));
        let began = from < cut;
        if began {
            self.says(step, from, end);
        }
        let data = if state == State::Completed {
            json!({ "rows": 10 + self.dice.below(5_000) })
        } else {
            json!({})
        };
        self.tasks.push(Task {
            key: step.key.to_owned(),
            name: step.name.to_owned(),
            after: step.after.iter().map(|key| (*key).to_owned()).collect(),
            time: began.then_some((from, end)),
            state,
            error,
            data,
        });
    }

    fn says(&mut self, step: &Step, from: f64, until: f64) {
        let name = format!("{}: begins", step.name);
        self.line(
            (from + 0.03).min(until),
            LogLevel::Debug,
            Some(step.key),
            &name,
        );
        let gap = (until - from) / (step.says.len() + 1) as f64;
        for (index, said) in step.says.iter().enumerate() {
            let at = from + gap * (index as f64 + self.dice.between(0.6, 1.4));
            let (level, text) = match said.as_bytes().first() {
                Some(b'!') => (LogLevel::Warning, &said[1..]),
                Some(b'?') => (LogLevel::Debug, &said[1..]),
                _ => (LogLevel::Info, *said),
            };
            let text = self.filled(text);
            self.line(at.min(until), level, Some(step.key), &text);
        }
    }

    /// The last words, and why it ended.
    fn ending(
        &mut self,
        ending: Ending,
        broken: Option<&Break>,
        seconds: f64,
    ) -> Option<ErrorInfo> {
        match ending {
            Ending::Completed => {
                let text = format!("\u{1b}[32mdone\u{1b}[0m in {seconds:.1} s");
                self.line(seconds, LogLevel::Info, None, &text);
                None
            }
            Ending::Failed => {
                let mut error = match broken {
                    Some(broken) => ErrorInfo::new(broken.kind, broken.message),
                    None => ErrorInfo::new(ErrorKind::Failed, "the process ended with exit code 1"),
                };
                error.task = broken.map(|b| b.step.to_owned());
                let stack = broken.map_or("", |b| b.stack);
                if !stack.is_empty() {
                    let text = format!(
                        "Traceback (most recent call last):\n{stack}\n{}",
                        error.message
                    );
                    for row in text.lines() {
                        self.line(seconds, LogLevel::Error, broken.map(|b| b.step), row);
                    }
                    error.stack = Some(text);
                } else {
                    let text = format!("\u{1b}[31m{}\u{1b}[0m", error.message);
                    self.line(seconds, LogLevel::Error, broken.map(|b| b.step), &text);
                }
                Some(error)
            }
            Ending::TimedOut => Some(ErrorInfo::new(
                ErrorKind::TimedOut,
                "the run took longer than its timeout; its process tree was killed",
            )),
            Ending::Lost => Some(ErrorInfo::new(
                ErrorKind::Lost,
                "the robot was not heard for longer than its lease",
            )),
            Ending::Cancelled => {
                self.line(seconds, LogLevel::Warning, None, "asked to stop, ending");
                None
            }
        }
    }

    fn filled(&mut self, template: &str) -> String {
        let mut out = String::with_capacity(template.len() + 16);
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let Some((word, after)) = after.split_once('}') else {
                break;
            };
            let dice = &mut *self.dice;
            out.push_str(&match word {
                "n" => (3 + dice.below(400)).to_string(),
                "big" => (1_000 + dice.below(90_000)).to_string(),
                "money" => format!("{}.{:02}", 100 + dice.below(48_000), dice.below(100)),
                "id" => format!("{:06x}", dice.below(1 << 24)),
                "ms" => (12 + dice.below(2_400)).to_string(),
                "pct" => (41 + dice.below(58)).to_string(),
                other => format!("{{{other}}}"),
            });
            rest = after;
        }
        out.push_str(rest);
        out
    }
}

/// When a step begins and ends, with this many seconds for each unit of weight.
fn place(steps: &[Step], key: &str, scale: f64) -> (f64, f64) {
    let Some(step) = steps.iter().find(|step| step.key == key) else {
        return (0.0, 0.0);
    };
    let from = step
        .after
        .iter()
        .map(|key| place(steps, key, scale).1)
        .fold(0.0, f64::max);
    (from, from + step.weight * scale)
}

/// The weight of the longest way through the steps.
fn longest_path(steps: &[Step]) -> f64 {
    let ends = steps.iter().map(|step| place(steps, step.key, 1.0).1);
    ends.fold(0.0, f64::max).max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::super::catalog::flows;
    use super::*;

    #[test]
    fn lines_and_tasks_stay_within_the_attempt_and_tell_its_ending() {
        let mut dice = Dice::new(3);
        let endings = [
            Ending::Completed,
            Ending::Failed,
            Ending::TimedOut,
            Ending::Lost,
            Ending::Cancelled,
        ];
        for flow in flows() {
            for ending in endings {
                let script = write(flow, ending, 1_000.0, &mut dice);
                let end = script.seconds + 1e-6;
                assert!(script.lines.windows(2).all(|w| w[0].at <= w[1].at));
                assert!(script.lines.iter().all(|line| line.at <= end));
                for task in &script.tasks {
                    assert!(
                        task.time
                            .is_none_or(|(from, until)| from <= until && until <= end)
                    );
                }
                let failed = script.tasks.iter().any(|task| task.state == State::Failed);
                assert_eq!(failed, ending == Ending::Failed, "{} {ending:?}", flow.name);
                let whole = script
                    .tasks
                    .iter()
                    .all(|task| task.state == State::Completed);
                assert_eq!(
                    whole,
                    ending == Ending::Completed,
                    "{} {ending:?}",
                    flow.name
                );
                // A stack shows source, and source may have braces.
                let mut said = script
                    .lines
                    .iter()
                    .filter(|line| line.stream == LogStream::Stdout);
                assert!(!said.any(|line| line.text.contains('{')));
            }
        }
    }

    #[test]
    fn about_nine_of_ten_attempts_go_well() {
        let mut dice = Dice::new(11);
        let drawn = (0..10_000).filter(|_| Ending::draw(&mut dice, 0.0) == Ending::Completed);
        let well = drawn.count();
        assert!((8_750..9_000).contains(&well), "{well}");
    }
}
