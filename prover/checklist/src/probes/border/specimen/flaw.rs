//! Flaws of the specimens; everything else is as in the sound one.

/// The one thing that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Nothing.
    None,
    /// Accepts every size, count and framing.
    Unlimited,
    /// Waits for slow clients for ever.
    Patient,
    /// Takes notes of any length.
    TakesLongNotes,
    /// Waits for notes for ever.
    WaitsForNotes,
    /// Takes any number of connections.
    Hoards,
    /// Accepts 40 connections in all, from any address, and leaves the others waiting.
    Starves,
    /// Serves one connection after the other, with one request on each. No flaw.
    OneAtATime,
    /// Errors are plain text.
    PlainErrors,
    /// Errors are problem documents that show the inside.
    Leaks,
    /// Forgets idempotency keys at once.
    ForgetsKeys,
    /// Looks for the key first and writes it later.
    RacesKeys,
    /// Keeps keys in memory only.
    LosesKeysInCrash,
    /// Answers another body under a used key with the first answer.
    TakesOtherBody,
    /// Makes the thing again under a used key, and answers as the first time.
    ActsAgain,
    /// Forgets whose key it is.
    SharesKeys,
    /// The cursor is an offset.
    Offsets,
    /// The cursor is an offset that looks like nothing.
    DressedOffsets,
    /// Lists everything, for every query.
    ListsAll,
    /// Identifiers count up.
    Counts,
    /// Identifiers count up in the form of a UUID.
    CountsInUuids,
    /// A slow request takes as long as it takes.
    NeverGivesUp,
    /// Answers 504 in time and works on.
    WorksOn,
    /// Answers 504 in time, and its call waits on.
    LeaksCalls,
    /// Answers 500 for a kept connection that was reset, and 504 in time otherwise.
    KeepsConnections,
    /// Every byte of the dependency renews the deadline.
    WaitsForBytes,
    /// One of its errors shows the inside; the others are sound.
    LeaksInReport,
    /// Says nothing about caching.
    SilentOnCaching,
    /// A validator that never gives 304.
    DeadValidator,
    /// Compresses without Vary.
    HidesVary,
    /// The page of one caller may be cached for all.
    SharesPersonalPage,
    /// Sets a cookie in a public answer.
    PublicCookie,
    /// The document lacks an operation.
    Undocumented,
    /// The document is in YAML. No flaw.
    Yaml,
    /// The document is YAML with a mistake in it.
    BrokenYaml,
    /// No document at all.
    NoDocument,
    /// 500 on a member of the wrong type.
    Fragile,
}
