//! Debian's kernel for virtual machines: fetched once, never installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::command::{checked, words};
use crate::programs;

/// Debian's package that depends on the newest kernel for virtual machines.
const META_PACKAGE: &str = "linux-image-cloud-amd64";

/// The unpacked package.
#[derive(Debug)]
pub struct Kernel {
    package: PathBuf,
    version: String,
}

impl Kernel {
    /// Downloads the package, or finds it below the build directory.
    ///
    /// # Errors
    /// When it cannot be had.
    pub fn fetch() -> Result<Self> {
        let programs = programs::directory()?;
        let cache = programs.parent().unwrap_or(&programs).join("vm");
        let package = cache.join("kernel");
        if !package.is_dir() {
            download(&cache, &package)?;
        }
        let version = version(&package)?;
        Ok(Self { package, version })
    }

    /// What boots.
    ///
    /// # Errors
    /// When the package has none.
    pub fn image(&self) -> Result<PathBuf> {
        only_file(&self.package.join("boot"), "vmlinuz-")
    }

    /// Copies modules, with all that they need, to where `modprobe` looks for them below
    /// a root. `wanted` are files or directories of the kernel's tree; what is built in
    /// is skipped.
    ///
    /// # Errors
    /// When the kernel has no such module.
    pub fn install_modules(&self, wanted: &[&str], root: &Path) -> Result<()> {
        let tree = Path::new("lib/modules").join(&self.version);
        let (from, to) = (self.package.join(&tree), root.join(&tree));
        let table = fs::read_to_string(from.join("modules.dep"))?;
        let built_in = fs::read_to_string(from.join("modules.builtin"))?;
        for wish in wanted {
            let path = format!("kernel/{wish}");
            let lines: Vec<&str> = table.lines().filter(|line| line.starts_with(&path)).collect();
            ensure!(!lines.is_empty() || built_in.contains(&path), "the kernel has no {wish}");
            // Each line: the module, a colon, all that it needs.
            for module in lines.iter().flat_map(|line| line.split([':', ' '])) {
                copy(&from.join(module), &to.join(module))?;
            }
        }
        for list in ["modules.builtin", "modules.order"] {
            copy(&from.join(list), &to.join(list))?;
        }
        checked(Command::new("depmod").arg("-b").arg(root).arg(&self.version)).map(drop)
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if from.is_file() && !to.exists() {
        fs::create_dir_all(to.parent().unwrap_or(to))?;
        fs::copy(from, to).with_context(|| from.display().to_string())?;
    }
    Ok(())
}

fn download(cache: &Path, to: &Path) -> Result<()> {
    let staging = cache.join(format!("staging-{}", std::process::id()));
    fs::create_dir_all(&staging)?;
    let depends = checked(&mut words(&["apt-cache", "depends", META_PACKAGE]))?;
    let package = depends
        .lines()
        .find_map(|line| line.trim().strip_prefix("Depends: "))
        .with_context(|| format!("apt does not know {META_PACKAGE}: run apt-get update"))?;
    checked(words(&["apt-get", "download", package]).current_dir(&staging))?;
    let file = only_file(&staging, package)?;
    let content = staging.join("kernel");
    checked(Command::new("dpkg").arg("-x").arg(file).arg(&content))?;
    checked(Command::new("depmod").arg("-b").arg(&content).arg(version(&content)?))?;
    match fs::rename(&content, to) {
        // Another test was faster.
        Err(_) if to.is_dir() => {}
        other => other?,
    }
    Ok(fs::remove_dir_all(&staging)?)
}

fn version(package: &Path) -> Result<String> {
    let path = only_file(&package.join("lib/modules"), "")?;
    let name = path.file_name().context("no version")?;
    Ok(name.to_string_lossy().into_owned())
}

fn only_file(directory: &Path, prefix: &str) -> Result<PathBuf> {
    let entries = fs::read_dir(directory).with_context(|| directory.display().to_string())?;
    let mut matching = entries.flatten().map(|entry| entry.path()).filter(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix))
    });
    matching.next().with_context(|| format!("no {prefix}* in {}", directory.display()))
}
