//! The examples of `docs/guide`, which are run as tests of this documentation.

#![doc = include_str!("../../calls.md")]
#![doc = include_str!("../../adopt.md")]
#![doc = include_str!("../../first-service.md")]
#![doc = include_str!("../../services.md")]
#![doc = include_str!("../../border.md")]
#![doc = include_str!("../../routes.md")]
#![doc = include_str!("../../telemetry.md")]
#![doc = include_str!("../../background.md")]
#![doc = include_str!("../../budgets.md")]
#![doc = include_str!("../../jobs.md")]
#![doc = include_str!("../../events.md")]
#![doc = include_str!("../../ratchets.md")]
