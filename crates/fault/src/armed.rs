//! What a test build does at a point.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Where the orders come from.
enum Source {
    Nowhere,
    Text(String),
    File(PathBuf),
}

static SOURCE: LazyLock<Source> = LazyLock::new(|| match std::env::var("WGCNI_FAULT") {
    Err(_) => Source::Nowhere,
    Ok(text) => {
        text.strip_prefix('@').map_or(Source::Text(text.clone()), |f| Source::File(f.into()))
    }
});

static TRACE: LazyLock<Option<PathBuf>> =
    LazyLock::new(|| std::env::var_os("WGCNI_FAULT_TRACE").map(Into::into));

/// The order that is counted for, and how often its point was passed.
static PASSED: Mutex<(String, u64)> = Mutex::new((String::new(), 0));

/// Passes a point, or dies there.
pub fn pass(point: &str) {
    if let Some(path) = &*TRACE {
        trace(path, point);
    }
    match &*SOURCE {
        Source::Nowhere => {}
        Source::Text(order) if is_due(order, point) => die(),
        Source::Text(_) => {}
        Source::File(path) => {
            let order = fs::read_to_string(path).unwrap_or_default();
            if is_due(order.trim(), point) {
                let _ = fs::write(path, "");
                die();
            }
        }
    }
}

/// Tests read what was written; a line that does not fit is one that they miss.
fn trace(path: &Path, point: &str) {
    let file = OpenOptions::new().create(true).append(true).open(path);
    let _ = file.and_then(|mut file| file.write_all(format!("{point}\n").as_bytes()));
}

fn is_due(order: &str, point: &str) -> bool {
    let (name, nth) = match order.split_once(':') {
        Some((name, nth)) => (name, nth.parse().unwrap_or(1)),
        None => (order, 1),
    };
    if name != point {
        return false;
    }
    let mut passed = PASSED.lock().unwrap_or_else(PoisonError::into_inner);
    if passed.0 != order {
        *passed = (order.to_owned(), 0);
    }
    passed.1 += 1;
    passed.1 == nth
}

fn die() -> ! {
    let _ = kill(Pid::this(), Signal::SIGKILL);
    // Nothing after the point may happen, whenever the signal arrives.
    loop {
        std::thread::park();
    }
}
