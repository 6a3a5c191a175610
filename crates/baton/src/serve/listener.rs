//! Who listens on a port that is taken, so that a person knows what to stop.

use std::path::Path;

/// The process that listens on this port, such as `baton (process 4711)`, as far as this user may see it.
pub(crate) fn holder(port: u16) -> Option<String> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| std::fs::read_to_string(table).ok())
        .find_map(|table| listening_inode(&table, port).map(str::to_owned))?;
    let wanted = format!("socket:[{inode}]");
    for process in std::fs::read_dir("/proc").ok()?.filter_map(Result::ok) {
        let name = process.file_name();
        let Some(pid) = name
            .to_str()
            .filter(|n| n.bytes().all(|b| b.is_ascii_digit()))
        else {
            continue;
        };
        if holds(&process.path().join("fd"), &wanted) {
            let comm = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            return Some(format!("{} (process {pid})", comm.trim()));
        }
    }
    None
}

/// The inode of the socket that listens on a port, in a table such as `/proc/net/tcp`.
fn listening_inode(table: &str, port: u16) -> Option<&str> {
    const LISTENING: &str = "0A";
    let suffix = format!(":{port:04X}");
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let matches = fields.get(1)?.ends_with(&suffix) && *fields.get(3)? == LISTENING;
        if matches {
            fields.get(9).copied()
        } else {
            None
        }
    })
}

fn holds(folder: &Path, wanted: &str) -> bool {
    std::fs::read_dir(folder).is_ok_and(|files| {
        files
            .filter_map(Result::ok)
            .filter_map(|file| std::fs::read_link(file.path()).ok())
            .any(|link| link.as_os_str() == wanted)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_of_a_port_is_this_process_when_it_listens() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let holder = holder(port).expect("this process may see itself");
        assert!(holder.contains(&std::process::id().to_string()), "{holder}");
    }

    #[test]
    fn a_connection_is_no_listener() {
        let table = "  sl  local_address rem_address   st tx rx tr tm retr uid timeout inode\n\
            0: 0100007F:223D 00000000:0000 01 0:0 0:0 0 1000 0 7 1\n\
            1: 0100007F:223D 00000000:0000 0A 0:0 0:0 0 1000 0 8 1\n";
        assert_eq!(listening_inode(table, 0x223d), Some("8"));
        assert_eq!(listening_inode(table, 0x223e), None);
    }
}
