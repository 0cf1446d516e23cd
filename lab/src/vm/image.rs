//! The guest's kernel, initramfs and disk.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::command::{checked, fed, words};
use crate::programs;

/// Debian's package that depends on the newest kernel for virtual machines.
const META_PACKAGE: &str = "linux-image-cloud-amd64";

/// What the guest needs to see its disk. What is built into the kernel is skipped.
const MODULES: [&str; 3] = ["virtio_pci", "virtio_blk", "ext4"];

const DISK_BYTES: u64 = 256 << 20;

const INIT: &str = include_str!("init.sh");

/// Files that a machine boots from.
#[derive(Debug)]
pub struct Image {
    /// The kernel.
    pub kernel: PathBuf,
    /// Our programs around busybox.
    pub initramfs: PathBuf,
    /// The disk: an empty file system at first.
    pub disk: PathBuf,
}

impl Image {
    /// Builds initramfs and disk in `directory`; the kernel is fetched once.
    ///
    /// # Errors
    /// When a tool or a program is missing, or the kernel's package cannot be had.
    pub fn build(directory: &Path) -> Result<Self> {
        let package = kernel_package()?;
        let root = directory.join("guest");
        fill(&root, &package)?;
        let image = Self {
            kernel: only_file(&package.join("boot"), "vmlinuz-")?,
            initramfs: directory.join("guest.cpio.gz"),
            disk: directory.join("disk.raw"),
        };
        pack(&root, &image.initramfs)?;
        fs::File::create(&image.disk)?.set_len(DISK_BYTES)?;
        checked(Command::new("mkfs.ext4").arg("-q").arg(&image.disk))?;
        Ok(image)
    }
}

/// Directory of the unpacked kernel package, below the build directory.
fn kernel_package() -> Result<PathBuf> {
    let programs = programs::directory()?;
    let cache = programs.parent().unwrap_or(&programs).join("vm");
    let unpacked = cache.join("kernel");
    if unpacked.is_dir() {
        return Ok(unpacked);
    }
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
    match fs::rename(&content, &unpacked) {
        // Another test was faster.
        Err(_) if unpacked.is_dir() => {}
        other => other?,
    }
    fs::remove_dir_all(&staging)?;
    Ok(unpacked)
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

/// Lays out the guest's root.
fn fill(root: &Path, package: &Path) -> Result<()> {
    for directory in
        ["bin", "dev", "proc", "sys", "run", "tmp", "etc/wgcni", "var/lib/wgcni", "modules"]
    {
        fs::create_dir_all(root.join(directory))?;
    }
    let busybox = root.join("bin/busybox");
    fs::copy("/usr/bin/busybox", &busybox)
        .or_else(|_| fs::copy("/bin/busybox", &busybox))
        .context("busybox (Debian: busybox-static)")?;
    symlink("busybox", root.join("bin/sh"))?;
    for program in ["cluster-manager", "lab"] {
        install(&programs::find(program)?, root)?;
    }
    for (number, module) in modules(package)?.iter().enumerate() {
        fs::copy(module, root.join(format!("modules/{number:02}.ko")))?;
    }
    let init = root.join("init");
    fs::write(&init, INIT)?;
    fs::set_permissions(&init, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// Copies a program to `/bin`, and the libraries that it names to where it looks.
fn install(program: &Path, root: &Path) -> Result<()> {
    let name = program.file_name().context("a program without a name")?;
    fs::copy(program, root.join("bin").join(name))?;
    // A static program names none, and ldd says so by failing.
    let output = Command::new("ldd").arg(program).output()?;
    for library in String::from_utf8_lossy(&output.stdout)
        .split_whitespace()
        .filter(|word| word.starts_with('/'))
    {
        let target = root.join(library.trim_start_matches('/'));
        fs::create_dir_all(target.parent().unwrap_or(root))?;
        fs::copy(library, target).with_context(|| library.to_owned())?;
    }
    Ok(())
}

/// Kernel modules in the order in which they must be loaded.
fn modules(package: &Path) -> Result<Vec<PathBuf>> {
    let base = package.join("lib/modules").join(version(package)?);
    let table = fs::read_to_string(base.join("modules.dep"))?;
    let mut order: Vec<PathBuf> = Vec::new();
    for module in MODULES {
        let file = format!("/{module}.ko");
        let line =
            table.lines().find(|line| line.split(':').next().is_some_and(|m| m.ends_with(&file)));
        let Some((own, needs)) = line.and_then(|line| line.split_once(':')) else {
            let built_in = fs::read_to_string(base.join("modules.builtin"))?;
            ensure!(built_in.contains(&file), "the kernel has no {module}");
            continue;
        };
        // depmod writes what must come first at the end.
        for path in needs.split_whitespace().rev().chain([own]) {
            let path = base.join(path);
            if !order.contains(&path) {
                order.push(path);
            }
        }
    }
    Ok(order)
}

/// Packs a directory as the kernel wants it.
fn pack(root: &Path, to: &Path) -> Result<()> {
    let list = checked(words(&["find", "."]).current_dir(root))?;
    let archive =
        fed(words(&["cpio", "--quiet", "-o", "-H", "newc"]).current_dir(root), list.as_bytes())?;
    ensure!(archive.status.success(), "cpio: {}", String::from_utf8_lossy(&archive.stderr));
    let unpacked = to.with_extension("");
    fs::write(&unpacked, archive.stdout)?;
    checked(Command::new("gzip").arg("-1").arg(&unpacked)).map(drop)
}
