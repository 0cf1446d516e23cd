//! What a machine boots from: a kernel, and a root that lies in memory.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::Kernel;
use crate::command::{checked, fed, words};
use crate::programs;

const INIT: &str = include_str!("init.sh");

/// Files that a machine boots from.
#[derive(Debug, Clone)]
pub struct Files {
    /// The kernel.
    pub kernel: PathBuf,
    /// The root.
    pub initramfs: PathBuf,
}

/// The root of a guest, laid out in a directory.
#[derive(Debug)]
pub struct Image {
    kernel: Kernel,
    root: PathBuf,
}

impl Image {
    /// A root below `directory` with busybox, and a shell script to run as its task.
    ///
    /// # Errors
    /// When busybox is missing, or the kernel cannot be had.
    pub fn new(directory: &Path, task: &str) -> Result<Self> {
        let image = Self { kernel: Kernel::fetch()?, root: directory.join("guest") };
        for empty in ["dev", "proc", "sys", "run", "tmp", "etc/wgcni", "var/lib/wgcni"] {
            fs::create_dir_all(image.root.join(empty))?;
        }
        image.install(&which("busybox").context("Debian: busybox-static")?, "busybox")?;
        // The kernel calls it by this path.
        fs::create_dir_all(image.root.join("sbin"))?;
        symlink("../bin/busybox", image.root.join("sbin/modprobe"))?;
        image.write("task.sh", task)?;
        image.write("init", INIT)?;
        fs::set_permissions(image.root.join("init"), fs::Permissions::from_mode(0o755))?;
        Ok(image)
    }

    /// Adds programs of ours.
    ///
    /// # Errors
    /// When one is not built.
    pub fn add_ours(&self, names: &[&str]) -> Result<()> {
        names.iter().try_for_each(|name| self.add_executable(&programs::find(name)?, name))
    }

    /// Adds something that was built here, without what only a debugger reads.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn add_executable(&self, file: &Path, name: &str) -> Result<()> {
        self.install(file, name)?;
        let stripped = self.root.join("bin").join(name);
        checked(Command::new("strip").arg(stripped)).map(drop)
    }

    /// Adds programs of this machine, found as a shell finds them.
    ///
    /// # Errors
    /// When one is missing.
    pub fn add_tools(&self, names: &[&str]) -> Result<()> {
        names.iter().try_for_each(|name| self.install(&which(name)?, name))
    }

    /// Adds a file or a directory of this machine under its own path.
    ///
    /// # Errors
    /// When it is missing.
    pub fn add_path(&self, path: &str) -> Result<()> {
        let target = self.root.join(path.trim_start_matches('/'));
        fs::create_dir_all(target.parent().unwrap_or(&self.root))?;
        checked(Command::new("cp").arg("-r").arg(path).arg(target)).map(drop)
    }

    /// Adds modules: files or directories of the kernel's tree.
    ///
    /// # Errors
    /// When the kernel has no such module.
    pub fn add_modules(&self, wanted: &[&str]) -> Result<()> {
        self.kernel.install_modules(wanted, &self.root)
    }

    /// Writes a file.
    ///
    /// # Errors
    /// When there is no such directory.
    pub fn write(&self, path: &str, content: &str) -> Result<()> {
        fs::write(self.root.join(path), content).with_context(|| path.to_owned())
    }

    /// Packs the root. Uncompressed: to unpack it would take an emulated processor longer.
    ///
    /// # Errors
    /// When cpio is missing, or the disk is full.
    pub fn pack(&self) -> Result<Files> {
        let list = checked(words(&["find", "."]).current_dir(&self.root))?;
        let initramfs = self.root.with_extension("cpio");
        let mut cpio = words(&["cpio", "--quiet", "-o", "-H", "newc", "-O"]);
        let output = fed(cpio.arg(&initramfs).current_dir(&self.root), list.as_bytes())?;
        ensure!(output.status.success(), "cpio: {}", String::from_utf8_lossy(&output.stderr));
        Ok(Files { kernel: self.kernel.image()?, initramfs })
    }

    /// Copies a program to `/bin`, and the libraries that it names to where it looks.
    fn install(&self, program: &Path, name: &str) -> Result<()> {
        let bin = self.root.join("bin");
        fs::create_dir_all(&bin)?;
        fs::copy(program, bin.join(name)).with_context(|| program.display().to_string())?;
        // A static program names none, and ldd says so by failing.
        let output = Command::new("ldd").arg(program).output()?;
        for library in String::from_utf8_lossy(&output.stdout)
            .split_whitespace()
            .filter(|word| word.starts_with('/'))
        {
            let target = self.root.join(library.trim_start_matches('/'));
            fs::create_dir_all(target.parent().unwrap_or(&self.root))?;
            fs::copy(library, target).with_context(|| library.to_owned())?;
        }
        Ok(())
    }
}

/// The file of a program of this machine.
fn which(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Not everybody's path has the administrator's directories.
    let more = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    let mut files = std::env::split_paths(&path).chain(more).map(|directory| directory.join(name));
    files.find(|file| file.is_file()).with_context(|| format!("{name} is not installed"))
}
