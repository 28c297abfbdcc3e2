//! The letters of a pattern, taken one by one.

pub(super) struct Letters {
    all: Vec<char>,
    at: usize,
}

impl Letters {
    pub(super) fn new(pattern: &str) -> Self {
        Self { all: pattern.chars().collect(), at: 0 }
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.all.get(self.at).copied()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.at += 1;
        Some(letter)
    }

    /// Takes the next letter when it is such a one.
    pub(super) fn next_if(&mut self, is: impl Fn(char) -> bool) -> Option<char> {
        let letter = self.peek().filter(|letter| is(*letter))?;
        self.at += 1;
        Some(letter)
    }

    /// Takes this text when it comes next.
    pub(super) fn takes(&mut self, text: &str) -> bool {
        let there = text.chars().enumerate().all(|(place, letter)| self.all.get(self.at + place) == Some(&letter));
        if there {
            self.at += text.chars().count();
        }
        there
    }

    /// Takes letters while they are such ones, at most as many.
    pub(super) fn run(&mut self, most: usize, is: impl Fn(char) -> bool) -> String {
        let mut text = String::new();
        while text.chars().count() < most
            && let Some(letter) = self.next_if(&is)
        {
            text.push(letter);
        }
        text
    }

    /// Takes everything up to this letter, and the letter.
    ///
    /// # Errors
    /// The missing part, if the end does not come.
    pub(super) fn upto(&mut self, end: char, missing: &str) -> Result<String, String> {
        let text = self.run(usize::MAX, |letter| letter != end);
        self.next().map(|_| text).ok_or_else(|| missing.to_owned())
    }

    pub(super) fn place(&self) -> usize {
        self.at
    }

    pub(super) fn back_to(&mut self, place: usize) {
        self.at = place;
    }
}
