//! A page: the numbers of one moment.

use std::fmt;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, prometheus_text, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::process;

/// What tells the series of one metric apart. Never a key or another secret.
pub type Labels = Vec<(&'static str, String)>;

/// From a write that waits for nothing to a call that timed out, in seconds.
const BUCKETS: [f64; 16] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];

/// How long something took, by labels. Clones share what they count.
#[derive(Debug, Clone)]
pub struct Timings(Family<Labels, Histogram, fn() -> Histogram>);

impl Default for Timings {
    fn default() -> Self {
        Self(Family::new_with_constructor(|| Histogram::new(BUCKETS)))
    }
}

impl Timings {
    /// Series that are there before anything happened: what is absent cannot be compared
    /// with zero.
    #[must_use]
    pub fn with(self, labels: impl IntoIterator<Item = Labels>) -> Self {
        for labels in labels {
            drop(self.0.get_or_create(&labels));
        }
        self
    }

    /// Counts one.
    pub fn observe(&self, labels: &Labels, took: Duration) {
        self.0.get_or_create(labels).observe(took.as_secs_f64());
    }
}

/// The numbers of one moment. Names are given without the daemon's prefix, and those of
/// counters without `_total`.
#[derive(Debug)]
pub struct Page {
    registry: Registry,
    prefix: &'static str,
}

impl Page {
    /// What is counted of this process, for the daemon `prefix`, e.g. `wgcni_node`, to add
    /// its own.
    pub fn new(prefix: &'static str) -> Self {
        let mut page = Self { registry: Registry::default(), prefix };
        for (name, help, value) in process::counted() {
            page.rows(name.to_owned(), help, vec![(Labels::new(), value)]);
        }
        page
    }

    fn named(&self, name: &str) -> String {
        format!("{}_{name}", self.prefix)
    }

    /// A number that goes up and down.
    pub fn gauge(&mut self, name: &'static str, help: &'static str, value: f64) {
        self.gauges(name, help, [(Labels::new(), value)]);
    }

    /// The same, one for each labels.
    pub fn gauges(
        &mut self,
        name: &'static str,
        help: &'static str,
        rows: impl IntoIterator<Item = (Labels, f64)>,
    ) {
        let rows = rows.into_iter().map(|(labels, value)| (labels, Value::Gauge(value)));
        self.rows(self.named(name), help, rows.collect());
    }

    /// A number that only grows.
    pub fn counter(&mut self, name: &'static str, help: &'static str, value: u64) {
        self.counters(name, help, [(Labels::new(), value)]);
    }

    /// The same, one for each labels.
    pub fn counters(
        &mut self,
        name: &'static str,
        help: &'static str,
        rows: impl IntoIterator<Item = (Labels, u64)>,
    ) {
        let rows = rows.into_iter().map(|(labels, value)| (labels, Value::Counter(value)));
        self.rows(self.named(name), help, rows.collect());
    }

    /// How long something took.
    pub fn timings(&mut self, name: &'static str, help: &'static str, timings: &Timings) {
        self.registry.register(self.named(name), help, timings.0.clone());
    }

    fn rows(&mut self, name: String, help: &'static str, series: Vec<(Labels, Value)>) {
        self.registry.register_collector(Box::new(Rows { name, help, series }));
    }

    /// In the Prometheus text format, version 0.0.4.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        // A string takes whatever is written.
        let _ = prometheus_text::encode(&mut text, &self.registry);
        text
    }

    /// In the `OpenMetrics` text format, version 1.0.0.
    pub fn to_open_metrics(&self) -> String {
        let mut page = String::new();
        let _ = text::encode(&mut page, &self.registry);
        page
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Value {
    Counter(u64),
    /// A counter of seconds.
    Seconds(f64),
    Gauge(f64),
}

impl Value {
    const fn kind(self) -> MetricType {
        match self {
            Self::Counter(_) | Self::Seconds(_) => MetricType::Counter,
            Self::Gauge(_) => MetricType::Gauge,
        }
    }
}

/// All series of one metric, in the order in which they were given.
#[derive(Debug)]
struct Rows {
    name: String,
    help: &'static str,
    series: Vec<(Labels, Value)>,
}

impl Collector for Rows {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let Some((_, first)) = self.series.first() else {
            return Ok(());
        };
        // The encoder ends the sentence.
        let help = format!("{}.", self.help);
        let mut metric = encoder.encode_descriptor(&self.name, &help, None, first.kind())?;
        for (labels, value) in &self.series {
            let metric = if labels.is_empty() {
                metric.encode_family(&NONE)?
            } else {
                metric.encode_family(labels)?
            };
            match value {
                Value::Counter(value) => ConstCounter::new(*value).encode(metric)?,
                Value::Seconds(value) => ConstCounter::new(*value).encode(metric)?,
                Value::Gauge(value) => ConstGauge::new(*value).encode(metric)?,
            }
        }
        Ok(())
    }
}

const NONE: [(&str, &str); 0] = [];

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Page {
        let mut page = Page::new("wgcni_x");
        page.gauge("ready", "Whether it works", 1.0);
        let of = |node: &str| vec![("node", node.to_owned())];
        page.counters("sent_bytes", "Bytes sent", [(of("a"), 7), (of("b\"\\"), u64::MAX)]);
        page.gauges("nobody", "Nobody has this", []);
        let timings = Timings::default().with([vec![("code", "ok".to_owned())]]);
        timings.observe(&vec![("code", "ok".to_owned())], Duration::from_millis(30));
        page.timings("took_seconds", "How long it took", &timings);
        page
    }

    #[test]
    fn numbers_have_their_names_kinds_and_labels() {
        let text = page().to_text();
        let lines: Vec<_> = text.lines().collect();
        for line in [
            "# HELP wgcni_x_ready Whether it works.",
            "# TYPE wgcni_x_ready gauge",
            "wgcni_x_ready 1.0",
            "# TYPE wgcni_x_sent_bytes_total counter",
            "wgcni_x_sent_bytes_total{node=\"a\"} 7",
            "wgcni_x_sent_bytes_total{node=\"b\\\"\\\\\"} 18446744073709551615",
            "# TYPE wgcni_x_took_seconds histogram",
            "wgcni_x_took_seconds_bucket{code=\"ok\",le=\"0.025\"} 0",
            "wgcni_x_took_seconds_bucket{code=\"ok\",le=\"0.05\"} 1",
            "wgcni_x_took_seconds_count{code=\"ok\"} 1",
            "# TYPE process_cpu_seconds_total counter",
            "# TYPE process_open_fds gauge",
        ] {
            assert!(lines.contains(&line), "{line}\n{text}");
        }
        assert!(!text.contains("nobody"), "{text}");
    }

    #[test]
    fn open_metrics_ends_as_it_must() {
        let text = page().to_open_metrics();
        assert!(text.contains("# TYPE wgcni_x_sent_bytes counter\n"), "{text}");
        assert!(text.contains("wgcni_x_sent_bytes_total{node=\"a\"} 7\n"), "{text}");
        assert!(text.ends_with("# EOF\n"), "{text}");
    }
}
