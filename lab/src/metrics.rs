//! What the daemons say of themselves in numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::command::{checked, words};
use crate::programs;

/// A page, as it was served.
#[derive(Debug, Clone)]
pub struct Page(String);

impl Page {
    /// Asks over an open connection, which it uses up.
    ///
    /// # Errors
    /// When the answer is none, or another than a page.
    pub fn get(stream: &mut (impl Read + Write)) -> Result<Self> {
        stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: lab\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("the answer is cut off")?;
        ensure!(head.split(' ').nth(1) == Some("200"), "no page: {head}");
        Ok(Self(body.to_owned()))
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Names of all metrics, each with its type.
    pub fn names(&self) -> BTreeMap<String, String> {
        let typed = self.0.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let typed = typed.filter_map(|line| line.split_once(' '));
        typed.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect()
    }

    /// The one series of a metric that has all these labels (`key="value"`).
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub fn value(&self, name: &str, labels: &[&str]) -> Result<f64> {
        let series: Vec<_> = self.series(name, labels).collect();
        ensure!(series.len() == 1, "{name} {labels:?}: {} series", series.len());
        Ok(series[0])
    }

    /// The sum of all series of a metric that have all these labels.
    pub fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        self.series(name, labels).sum()
    }

    fn series(&self, name: &str, labels: &[&str]) -> impl Iterator<Item = f64> {
        self.0.lines().filter_map(move |line| {
            let (series, value) = line.rsplit_once(' ')?;
            let (its, set) = series.split_once('{').unwrap_or((series, ""));
            let fits = its == name && labels.iter().all(|label| set.contains(label));
            fits.then(|| value.parse().ok())?
        })
    }
}

/// Whether that is the name of a metric of the daemons.
pub fn is_ours(name: &str) -> bool {
    ["wgcni_cluster_", "wgcni_node_", "process_"].iter().any(|prefix| name.starts_with(prefix))
}

/// Names of the metrics in an expression of Prometheus or in text: those of histograms
/// without what a series of them adds.
pub fn names_in(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !is_name(c));
    let ours = words.filter(|word| is_ours(word));
    ours.map(|word| {
        let ends = ["_bucket", "_count", "_sum"];
        let base = ends.iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word);
        base.to_owned()
    })
    .collect()
}

/// Debian's promtool: fetched once below the build directory; the package, which would start
/// a service, is never installed.
///
/// # Errors
/// When it cannot be had.
pub fn promtool() -> Result<PathBuf> {
    let programs = programs::directory()?;
    let directory = programs.parent().unwrap_or(&programs).join("prometheus");
    let tool = directory.join("promtool");
    if tool.is_file() {
        return Ok(tool);
    }
    let staging = directory.join(format!("staging-{}", std::process::id()));
    fs::create_dir_all(&staging)?;
    checked(words(&["apt-get", "download", "prometheus"]).current_dir(&staging))?;
    let package = fs::read_dir(&staging)?.next().context("apt downloaded nothing")??.path();
    let content = staging.join("content");
    checked(Command::new("dpkg").arg("-x").arg(package).arg(&content))?;
    // Another test may be faster: then the same lies there.
    fs::rename(content.join("usr/bin/promtool"), &tool)?;
    fs::remove_dir_all(&staging)?;
    Ok(tool)
}
