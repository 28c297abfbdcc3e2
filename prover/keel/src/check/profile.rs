//! The flag `--profile`.

use keel_checklist::examination;

/// How much is examined.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum Profile {
    /// Everything
    Full,
    /// What can be examined within three minutes; the rest is unknown
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
