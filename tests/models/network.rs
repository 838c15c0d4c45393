//! Messages on their way between objects, and how much may go wrong.

/// How much more may happen in a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Budget {
    /// Requests that change something.
    pub edits: u8,
    /// Messages that never arrive.
    pub lost: u8,
    /// Messages that arrive twice.
    pub doubled: u8,
    /// Objects that die and start over from what they stored.
    pub crashes: u8,
    /// Callers who give up waiting.
    pub timeouts: u8,
}

impl Budget {
    /// Nothing happens.
    pub const NONE: Self = Self { edits: 0, lost: 0, doubled: 0, crashes: 0, timeouts: 0 };
}

/// Messages that have been sent and have not arrived. Any of them may be the next to arrive, so in what
/// order they were sent makes no difference.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Network<M>(Vec<M>);

impl<M> Default for Network<M> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<M: Clone + Ord> Network<M> {
    /// Sends a message.
    pub fn send(&mut self, message: M) {
        let place = self.0.partition_point(|other| *other < message);
        self.0.insert(place, message);
    }

    /// Takes a message that arrives, or is lost.
    pub fn take(&mut self, message: &M) {
        let place = self.0.binary_search(message);
        self.0.remove(place.expect("it is on its way"));
    }

    /// Takes any message.
    pub fn take_first(&mut self) -> Option<M> {
        (!self.0.is_empty()).then(|| self.0.remove(0))
    }

    /// The messages that are on their way.
    pub fn iter(&self) -> impl Iterator<Item = &M> {
        self.0.iter()
    }

    /// Those of them that differ.
    pub fn distinct(&self) -> Vec<M> {
        let mut messages = self.0.clone();
        messages.dedup();
        messages
    }

    /// Is none on its way?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The smallest number that is not taken: so histories that differ only in how calls are numbered come to
/// the same state.
pub fn unused(taken: impl Iterator<Item = u8>) -> u8 {
    let taken: Vec<u8> = taken.collect();
    (0..).find(|number| !taken.contains(number)).expect("a number that is not taken")
}
