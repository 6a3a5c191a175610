//! The flags of `runrpa`: one table that parser, help and documentation share.

/// A flag of `runrpa`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flag {
    /// The short form, with its dash; may have several letters.
    pub(crate) short: &'static str,
    /// The long form, with its dashes; without them, the name of the script's parameter.
    pub(crate) long: &'static str,
    /// Whether its value is a whole number.
    pub(crate) int: bool,
    /// Its value when it is not given.
    pub(crate) default: &'static str,
    /// What it does.
    pub(crate) help: &'static str,
}

impl Flag {
    /// The name of the parameter by which it reaches the script.
    pub(crate) fn parameter(&self) -> &'static str {
        self.long.trim_start_matches('-')
    }

    /// The name of its value in the usage text.
    pub(crate) fn metavar(&self) -> String {
        self.parameter().to_uppercase()
    }
}

/// Every flag that takes a value, in the order of the help text. The first is the "Required" one.
pub(crate) const FLAGS: [Flag; 11] = [
    Flag {
        short: "-f",
        long: "--startfile",
        int: false,
        default: "",
        help: "Script to run: a path, or a name that is looked up in the current folder, then in scripts/",
    },
    Flag {
        short: "-sc",
        long: "--startcode",
        int: false,
        default: "main",
        help: "Name of first block of RPA steps to run",
    },
    Flag {
        short: "-sh",
        long: "--startsheet",
        int: false,
        default: "main",
        help: "Name of first sheet or module to run",
    },
    Flag {
        short: "-pl",
        long: "--logprintlevel",
        int: true,
        default: "30",
        help: "Prints alerts to console: 10 Debug, 20 Info, 30 Warning",
    },
    Flag {
        short: "-ll",
        long: "--defaultloglevel",
        int: false,
        default: "DEBUG",
        help: "Log alert level: DEBUG, INFO, WARNING etc",
    },
    Flag {
        short: "-b",
        long: "--background",
        int: false,
        default: "0",
        help: "Mode, each digit a switch: 0 Normal, 1 Background desktop, 2 Deactivate clean up, 3 Headless, 4 Trigger, 5 Trigger in parallel",
    },
    Flag {
        short: "-o",
        long: "--flowrun",
        int: true,
        default: "0",
        help: "0 Normal run, 1 Run flow (both here and now, recorded on the server), 2 Deploy flow to this computer, 3 Debug run",
    },
    Flag {
        short: "-r",
        long: "--retries",
        int: true,
        default: "0",
        help: "Retry upon failure, so many times",
    },
    Flag {
        short: "-t",
        long: "--tag",
        int: false,
        default: "production",
        help: "Label for automation run e.g. test or production",
    },
    Flag {
        short: "-u",
        long: "--update",
        int: true,
        default: "0",
        help: "Update / refresh script on loading: 0 No update, 1 Update",
    },
    Flag {
        short: "-a",
        long: "--arguments",
        int: false,
        default: "",
        help: "Arguments for script, delimited by \"  ,  \" (two spaces, comma, two spaces)",
    },
];

/// The flag that the help text lists under "Required arguments".
pub(crate) const REQUIRED: usize = 0;

/// The help text, laid out as the original's `ArgumentDefaultsHelpFormatter` does.
pub(crate) fn help() -> String {
    let mut text = usage();
    text.push_str(
        "\nRun and deploy automation scripts. Here and now, or unattended on this computer.\n",
    );
    text.push_str("\nRequired arguments:\n");
    text.push_str(&entry(&FLAGS[REQUIRED]));
    text.push_str("\noptional arguments:\n");
    text.push_str("  -h, --help            show this help message and exit\n");
    for flag in &FLAGS[REQUIRED + 1..] {
        text.push_str(&entry(flag));
    }
    text.push_str(
        "\nThe script finds every flag under its long name as a parameter: in the JSON file named by\n\
         BATON_PARAMETERS, and as environment variables BATON_PARAM_STARTCODE, BATON_PARAM_TAG, …\n\
         \n\
         exit codes:\n  \
           0 ok, 1 configuration (no such script, no runner for it), 2 wrong usage; otherwise\n  \
           whatever the script itself returns.\n\
         \n\
         examples:\n  \
           runrpa -f cscKPI              run scripts/cscKPI.py here and now\n  \
           runrpa -f cscKPI -o 2         deploy it to run unattended on this computer\n  \
           runrpa -f cscKPI -a \"2026-10  ,  EU\" -t test -r 3\n",
    );
    text
}

/// The usage lines, as printed before help and errors.
pub(crate) fn usage() -> String {
    const WIDTH: usize = 80;
    let mut lines = Vec::new();
    let mut line = String::from("usage: runrpa [-h]");
    for flag in &FLAGS {
        let part = format!(" [{} {}]", flag.short, flag.metavar());
        if line.len() + part.len() > WIDTH {
            lines.push(std::mem::replace(
                &mut line,
                " ".repeat("usage: runrpa".len()),
            ));
        }
        line.push_str(&part);
    }
    lines.push(line);
    lines.join("\n") + "\n"
}

/// One flag with its help, wrapped at 80 columns beside a 24-column margin.
fn entry(flag: &Flag) -> String {
    const MARGIN: usize = 24;
    const WIDTH: usize = 80;
    let metavar = flag.metavar();
    let mut text = format!("  {} {metavar}, {} {metavar}\n", flag.short, flag.long);
    let words = format!("{} (default: {})", flag.help, flag.default);
    let mut line = " ".repeat(MARGIN);
    for word in words.split(' ') {
        let blank = usize::from(line.len() > MARGIN);
        if line.len() + blank + word.len() > WIDTH {
            text.push_str(&line);
            text.push('\n');
            line = " ".repeat(MARGIN);
        } else if blank == 1 {
            line.push(' ');
        }
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
    text
}
