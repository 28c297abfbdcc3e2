//! Volumes, full file systems, folders that cannot be written.

use std::fs::File;
use std::path::Path;

use rustix::mount::{MountFlags, UnmountFlags};

/// Bytes written at a time where space cannot be reserved.
const PIECE: usize = 1 << 20;
/// The most mounts that are taken off one folder.
const MAX_MOUNTS: usize = 16;

/// Counts the mounts on a folder.
pub(super) fn mounts_on(folder: &Path) -> Result<usize, String> {
    let mounts = procfs::mounts().map_err(|error| format!("the mounts of this host: {error}"))?;
    Ok(mounts.iter().filter(|mount| Path::new(&mount.fs_file) == folder).count())
}

pub(super) fn unmount_down_to(folder: &Path, below: usize) -> Result<(), String> {
    for _ in 0..MAX_MOUNTS {
        if mounts_on(folder)? <= below {
            return Ok(());
        }
        // Lazily: what is open in it may stay open, nobody finds it any more by its path.
        rustix::mount::unmount(folder, UnmountFlags::DETACH)
            .map_err(|error| format!("unmounting {}: {error}", folder.display()))?;
    }
    Err(format!("{} still has more mounts than before", folder.display()))
}

pub(super) fn mount_volume(folder: &Path, bytes: u64) -> Result<(), String> {
    let options = format!("size={bytes},mode=0777\0");
    let options = std::ffi::CStr::from_bytes_with_nul(options.as_bytes()).map_err(|error| error.to_string())?;
    rustix::mount::mount("keel", folder, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, options)
        .map_err(|error| format!("mounting a tmpfs on {}: {error}", folder.display()))
}

/// A second mount of the folder on itself, which is read-only: a mount with files that are open for writing cannot be made so.
pub(super) fn mount_read_only(folder: &Path) -> Result<(), String> {
    let told = |error| format!("mounting {} read-only: {error}", folder.display());
    rustix::mount::mount_bind(folder, folder).map_err(told)?;
    rustix::mount::mount_remount(folder, MountFlags::BIND | MountFlags::RDONLY, "").map_err(told)
}

/// The size of the file system of a folder, in bytes.
pub(super) fn size(folder: &Path) -> Result<u64, String> {
    let said = rustix::fs::statvfs(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(said.f_blocks.saturating_mul(said.f_frsize))
}

fn free(folder: &Path) -> Result<u64, String> {
    let said = rustix::fs::statvfs(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(said.f_bavail.saturating_mul(said.f_frsize))
}

/// Takes what is free in the file system of `file`, but for so many bytes.
pub(super) fn fill(file: &Path, leave: u64) -> Result<(), String> {
    let told = |error: std::io::Error| format!("filling {}: {error}", file.display());
    let folder = file.parent().ok_or("a ballast file has a folder")?;
    let ballast = File::create_new(file).map_err(told)?;
    let wanted = free(folder)?.saturating_sub(leave);
    if wanted == 0 {
        return Ok(());
    }
    match rustix::fs::fallocate(&ballast, rustix::fs::FallocateFlags::empty(), 0, wanted) {
        Ok(()) => Ok(()),
        Err(_) => write_until_full(&ballast, wanted).map_err(told),
    }
}

/// Writes until the disk is full, where space cannot be reserved or no longer all of it.
fn write_until_full(mut ballast: &File, wanted: u64) -> std::io::Result<()> {
    use std::io::Write;
    let piece = vec![0; PIECE];
    let mut left = wanted;
    while left > 0 {
        let length = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        match ballast.write(&piece[..length]) {
            Ok(written) => left -= written as u64,
            Err(error) if error.kind() == std::io::ErrorKind::StorageFull => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
