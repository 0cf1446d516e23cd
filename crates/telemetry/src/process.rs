//! What the kernel counts of this process, under the names that all clients of Prometheus
//! give it: <https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics>.

use procfs::process::{LimitValue, Process};
use procfs::{ProcResult, page_size, ticks_per_second};

use crate::page::Value;

/// A metric without labels: its name, what it is, and its value now.
pub(crate) type Counted = (&'static str, &'static str, Value);

/// What can be had: without `/proc`, nothing.
pub(crate) fn counted() -> Vec<Counted> {
    Process::myself().and_then(|process| all(&process)).unwrap_or_default()
}

#[allow(clippy::cast_precision_loss, reason = "nothing here comes near 2^53")]
fn all(process: &Process) -> ProcResult<Vec<Counted>> {
    let stat = process.stat()?;
    let files = process.limits()?.max_open_files.soft_limit;
    let files = if let LimitValue::Value(files) = files { files as f64 } else { f64::INFINITY };
    let cpu = (stat.utime + stat.stime) as f64 / ticks_per_second() as f64;
    let resident = (stat.rss * page_size()) as f64;
    Ok(vec![
        ("process_cpu_seconds", "CPU time spent", Value::Seconds(cpu)),
        ("process_resident_memory_bytes", "Memory in use", Value::Gauge(resident)),
        ("process_virtual_memory_bytes", "Address space in use", Value::Gauge(stat.vsize as f64)),
        ("process_open_fds", "Open files", Value::Gauge(process.fd_count()? as f64)),
        ("process_max_fds", "Most files that may be open", Value::Gauge(files)),
    ])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn value(name: &str) -> f64 {
        let counted = counted();
        let (_, _, value) = counted.iter().find(|(its, _, _)| *its == name).unwrap();
        match value {
            Value::Counter(value) => f64::from(u32::try_from(*value).unwrap()),
            Value::Seconds(value) | Value::Gauge(value) => *value,
        }
    }

    #[test]
    fn numbers_of_this_process_are_true() {
        let before = value("process_open_fds");
        let _files = [0; 50].map(|_| std::fs::File::open("/dev/null").unwrap());
        assert!(value("process_open_fds") >= before + 50.0 - 20.0);
        assert!(value("process_open_fds") <= value("process_max_fds"));
        let resident = value("process_resident_memory_bytes");
        assert!(resident > 1e6 && resident < value("process_virtual_memory_bytes"));
        let spent = value("process_cpu_seconds");
        while value("process_cpu_seconds") < spent + 0.05 {}
    }
}
