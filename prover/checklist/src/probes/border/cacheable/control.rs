//! The header Cache-Control.

use keel_wire::http::Answer;

/// Directives of Cache-Control (RFC 9111, 5.2.2).
#[derive(Default)]
pub(super) struct Control {
    pub(super) said: bool,
    pub(super) public: bool,
    pub(super) private: bool,
    pub(super) no_store: bool,
    pub(super) no_cache: bool,
    pub(super) immutable: bool,
    pub(super) max_age: Option<u64>,
    pub(super) shared_age: Option<u64>,
    pub(super) unreadable: Option<String>,
}

impl Control {
    pub(super) fn of(answer: &Answer) -> Self {
        let mut control = Self::default();
        for value in answer.headers.get_all("cache-control") {
            control.said = true;
            let Ok(value) = value.to_str() else {
                control.unreadable = Some("not text".into());
                continue;
            };
            control.read(value);
        }
        control
    }

    pub(super) fn read(&mut self, value: &str) {
        for directive in value.split(',').map(str::trim).filter(|directive| !directive.is_empty()) {
            let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
            let seconds = argument.trim_matches('"').parse().ok();
            match name.to_ascii_lowercase().as_str() {
                "public" => self.public = true,
                "private" => self.private = true,
                "no-store" => self.no_store = true,
                "no-cache" => self.no_cache = true,
                "immutable" => self.immutable = true,
                "max-age" if seconds.is_some() => self.max_age = seconds,
                "s-maxage" if seconds.is_some() => self.shared_age = seconds,
                "max-age" | "s-maxage" => self.unreadable = Some(directive.to_owned()),
                _ => {}
            }
        }
    }

    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if !self.said {
            faults.push("no Cache-Control".to_owned());
        }
        if let Some(directive) = &self.unreadable {
            faults.push(format!("Cache-Control cannot be read: {directive}"));
        }
        let aged = self.max_age.or(self.shared_age).is_some_and(|age| age > 0);
        for (contradicts, what) in [
            (self.public && self.private, "both public and private"),
            (self.no_store && self.public, "both no-store and public"),
            (self.no_store && (aged || self.immutable), "no-store and yet an age"),
            (self.private && self.shared_age.is_some_and(|age| age > 0), "private and yet an age for shared caches"),
        ] {
            if contradicts {
                faults.push(what.to_owned());
            }
        }
        faults
    }

    /// Returns true if the answer grows old in a cache, which must then be able to revalidate it.
    pub(super) fn is_aged(&self) -> bool {
        self.public || self.shared_age.or(self.max_age).is_some_and(|age| age > 0)
    }

    /// Returns true if a shared cache may give it to any client.
    pub(super) fn is_shared(&self) -> bool {
        !self.no_store && !self.private && self.is_aged()
    }
}
