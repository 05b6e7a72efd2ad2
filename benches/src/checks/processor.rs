//! What processes have had of the processors and have of the memory, from /proc.
use std::{collections::BTreeMap, fs, time::Duration};

/// In what Linux counts this time for programs, on every architecture: `USER_HZ`.
const TICKS_PER_SECOND: u64 = 100;

/// What /proc says of a process.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    /// Its own, and that of its children that have ended.
    ticks: u64,
}

/// What these processes have used so far, with all that they have started.
pub(super) fn used(processes: &[u32]) -> Duration {
    let all = all();
    let belongs = |mut process: u32| {
        while !processes.contains(&process) {
            match all.get(&process) {
                Some(stat) => process = stat.parent,
                None => return false,
            }
        }
        true
    };
    let ticks: u64 = all.iter().filter(|(process, _)| belongs(**process)).map(|(_, stat)| stat.ticks).sum();
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}

/// How many bytes of memory these processes have.
pub(super) fn resident(processes: &[u32]) -> u64 {
    let of = |process: &u32| {
        let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().strip_suffix(" kB")?.parse::<u64>().ok()
    };
    processes.iter().map(|process| of(process).expect("the size of a process") * 1024).sum()
}

/// The process that started this one, if it runs on this machine under this name.
pub(super) fn parent(process: u32, name: &str) -> Option<u32> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    text.contains(&format!("({name})")).then(|| parse(&text)).flatten().map(|stat| stat.parent)
}

fn all() -> BTreeMap<u32, Stat> {
    let entries = fs::read_dir("/proc").expect("/proc: processor times are read on Linux");
    let processes = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let stat = |process: u32| {
        let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        Some((process, parse(&text)?))
    };
    processes.filter_map(stat).collect()
}

/// Reads "12 (a name) S 1 …": the name may contain anything, so what counts comes after its end.
fn parse(text: &str) -> Option<Stat> {
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11..15)?.iter().map(|field| field.parse::<u64>());
    Some(Stat { parent: fields.get(1)?.parse().ok()?, ticks: ticks.sum::<Result<_, _>>().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_proc_is_read_whatever_the_process_is_called() {
        let line = "4711 (a) b) S 42 4711 4711 0 -1 4194304 13 0 0 0 7 5 30 1 20 0 1 0 8881 2940928 230";
        assert_eq!(parse(line), Some(Stat { parent: 42, ticks: 43 }));
    }
}
