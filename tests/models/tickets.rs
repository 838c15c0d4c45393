//! Tickets for live updates: each opens one socket, however late its requests are.

use std::fmt;

use connector_status::protocol::tickets::{Verdict, check, is_expired};
use stateright::{Model, Property};

use crate::network::Budget;

/// When the ticket expires, and when the model ends.
const UNTIL: u64 = 2;
const END: u64 = 5;

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    now: u64,
    /// Requests with the ticket that passed the Worker's check and have not arrived.
    in_transit: u8,
    is_stored: bool,
    admitted: u8,
    left: Budget,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Show,
    Arrive,
    OtherTicket,
    Wait,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Show => "a request with the ticket passes the Worker's check",
            Self::Arrive => "the request arrives at the Directory",
            Self::OtherTicket => "another ticket arrives; expired ones are deleted",
            Self::Wait => "time passes",
        })
    }
}

impl State {
    fn forget(&mut self) {
        self.is_stored &= !is_expired(UNTIL, self.now);
    }
}

/// One ticket.
#[derive(Clone, Debug)]
pub struct Tickets {
    pub budget: Budget,
}

impl Model for Tickets {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State { left: self.budget, ..State::default() }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        // The Worker's check.
        if state.now < UNTIL && state.left.edits > 0 {
            actions.push(Action::Show);
        }
        if state.in_transit > 0 {
            actions.push(Action::Arrive);
        }
        if state.is_stored {
            actions.push(Action::OtherTicket);
        }
        if state.now < END {
            actions.push(Action::Wait);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Show => {
                state.left.edits -= 1;
                state.in_transit += 1;
            }
            Action::Arrive => {
                state.in_transit -= 1;
                let verdict = check(UNTIL, state.is_stored, state.now);
                if verdict == Verdict::Admitted {
                    state.is_stored = true;
                    state.admitted += 1;
                }
                state.forget();
            }
            Action::OtherTicket => state.forget(),
            Action::Wait => state.now += 1,
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("a ticket opens one socket", |_, state: &State| state.admitted <= 1)]
    }
}

impl Tickets {
    /// The models that are explored. `goes_far`: in minutes rather than seconds.
    pub fn walks(goes_far: bool) -> Vec<(&'static str, Self)> {
        let edits = if goes_far { 8 } else { 3 };
        vec![("tickets", Self { budget: Budget { edits, ..Budget::NONE } })]
    }

    /// The model for random histories.
    pub fn wide() -> Self {
        Self { budget: Budget { edits: 10, ..Budget::NONE } }
    }
}
