//! The operator's choices, and the effects of keys on them.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::inside::{PANELS, Panel};
use super::levers::{Form, LEVERS};
use super::view::Order;

/// The most characters of a field of a form.
const MAX_FIELD: usize = 200;

/// The choices.
#[derive(Clone, Debug, Default)]
pub(super) struct Seat {
    /// The address of the service, as it may be shown.
    pub(super) target: String,
    pub(super) panel: Panel,
    pub(super) order: Order,
    pub(super) scroll: usize,
    pub(super) paused: bool,
    /// True when the service answers questions about its live state.
    pub(super) has_questions: bool,
    /// The lever of the list that is chosen.
    pub(super) lever: usize,
    pub(super) form: Option<Form>,
    /// The outcome of the last change.
    pub(super) outcome: Option<String>,
    /// Names of dependencies, for the form.
    pub(super) targets: Vec<String>,
    pub(super) author: String,
    pub(super) has_token: bool,
}

/// The effect of a key beyond a change of the choices.
#[derive(Debug)]
pub(super) enum Act {
    Nothing,
    Quit,
    /// Sends the form, which is whole as far as it is typed.
    Send,
    /// Reads again at once.
    Read,
}

impl Seat {
    /// True for the panels that this service fills.
    pub(super) fn has(&self, panel: Panel) -> bool {
        panel == Panel::Routes || self.has_questions
    }

    /// The first row that is shown of so many.
    pub(super) fn scrolled(&self, rows: usize) -> usize {
        self.scroll.min(rows.saturating_sub(1))
    }

    /// The author of the changes, for the end of a sentence.
    pub(super) fn operator(&self) -> String {
        if self.has_token { "with the token of the file".to_owned() } else { format!("by {}", self.author) }
    }

    /// Takes a key.
    pub(super) fn press(&mut self, key: KeyEvent) -> Act {
        if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
            return Act::Quit;
        }
        if self.form.is_some() { self.press_in_form(key.code) } else { self.press_outside(key.code) }
    }

    fn press_outside(&mut self, key: KeyCode) -> Act {
        let in_levers = self.panel == Panel::Levers;
        match key {
            KeyCode::Char('q') | KeyCode::Esc => return Act::Quit,
            KeyCode::Char(' ') => self.paused = !self.paused,
            KeyCode::Char('s') if self.panel == Panel::Routes => self.order = self.order.next(),
            KeyCode::Char(digit @ '1'..='6') => return self.go(digit as usize - '1' as usize),
            KeyCode::Tab => {
                let at = PANELS.iter().position(|panel| *panel == self.panel).unwrap_or(0);
                return self.go((at + 1) % PANELS.len());
            }
            KeyCode::Up | KeyCode::Char('k') if in_levers => self.lever = self.lever.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') if in_levers => self.lever = (self.lever + 1).min(LEVERS.len() - 1),
            KeyCode::Enter if in_levers => {
                self.form = Some(Form::new(LEVERS[self.lever]));
                self.outcome = None;
            }
            KeyCode::Up | KeyCode::Char('k') => self.scroll = self.scroll.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => self.scroll = self.scroll.saturating_add(1),
            KeyCode::Home => self.scroll = 0,
            _ => {}
        }
        Act::Nothing
    }

    fn go(&mut self, at: usize) -> Act {
        let panel = PANELS[at];
        if !self.has(panel) {
            return Act::Nothing;
        }
        self.panel = panel;
        self.scroll = 0;
        Act::Read
    }

    fn press_in_form(&mut self, key: KeyCode) -> Act {
        let Some(form) = &mut self.form else { return Act::Nothing };
        let last = form.fields.len() - 1;
        match key {
            KeyCode::Esc => self.form = None,
            KeyCode::Enter if form.at == last => return Act::Send,
            KeyCode::Enter | KeyCode::Down | KeyCode::Tab => form.at = (form.at + 1).min(last),
            KeyCode::Up | KeyCode::BackTab => form.at = form.at.saturating_sub(1),
            KeyCode::Backspace => drop(form.fields[form.at].1.pop()),
            KeyCode::Char(letter) if form.fields[form.at].1.chars().count() < MAX_FIELD => {
                form.fields[form.at].1.push(letter);
            }
            _ => {}
        }
        Act::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(seat: &mut Seat, keys: &[KeyCode]) -> Act {
        keys.iter().fold(Act::Nothing, |_, key| seat.press(KeyEvent::from(*key)))
    }

    fn typed(text: &str) -> Vec<KeyCode> {
        text.chars().map(KeyCode::Char).collect()
    }

    #[test]
    fn panels_that_the_service_does_not_fill_cannot_be_chosen() {
        let mut seat = Seat::default();
        press(&mut seat, &[KeyCode::Char('4')]);
        assert_eq!(seat.panel, Panel::Routes);
        seat.has_questions = true;
        press(&mut seat, &[KeyCode::Char('4')]);
        assert_eq!(seat.panel, Panel::Calls);
        press(&mut seat, &[KeyCode::Tab]);
        assert_eq!(seat.panel, Panel::Events);
    }

    #[test]
    fn nothing_is_sent_before_the_last_field() {
        let mut seat = Seat { has_questions: true, panel: Panel::Levers, ..Seat::default() };
        press(&mut seat, &[KeyCode::Enter]);
        let mut keys = typed("rail");
        keys.push(KeyCode::Enter);
        assert!(matches!(press(&mut seat, &keys), Act::Nothing));
        let mut keys = typed("it hangsx");
        keys.extend([KeyCode::Backspace, KeyCode::Enter]);
        assert!(matches!(press(&mut seat, &keys), Act::Send));
        let texts: Vec<_> = seat.form.unwrap().fields.into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, ["rail", "it hangs"]);
    }

    #[test]
    fn letters_that_are_commands_elsewhere_are_text_in_a_form_and_escape_leaves_it() {
        let mut seat = Seat { has_questions: true, panel: Panel::Levers, ..Seat::default() };
        assert!(matches!(press(&mut seat, &[KeyCode::Enter, KeyCode::Char('q')]), Act::Nothing));
        assert!(matches!(press(&mut seat, &[KeyCode::Esc]), Act::Nothing));
        assert!(seat.form.is_none());
        assert!(matches!(press(&mut seat, &[KeyCode::Char('q')]), Act::Quit));
    }

    #[test]
    fn fields_are_bounded_and_control_c_ends_it_everywhere() {
        let mut seat = Seat { has_questions: true, panel: Panel::Levers, ..Seat::default() };
        press(&mut seat, &[KeyCode::Enter]);
        press(&mut seat, &typed(&"x".repeat(500)));
        assert_eq!(seat.form.as_ref().unwrap().fields[0].1.len(), MAX_FIELD);
        assert!(matches!(seat.press(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Act::Quit));
    }
}
