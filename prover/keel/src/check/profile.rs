//! The flag `--profile`.

use keel_checklist::examination;

/// Extent of an examination.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum Profile {
    /// Everything
    Full,
    /// The probes that fit into three minutes; the others are reported as unknown
    Quick,
}

impl From<Profile> for examination::Profile {
    fn from(profile: Profile) -> Self {
        match profile {
            Profile::Full => Self::Full,
            Profile::Quick => Self::Quick,
        }
    }
}
