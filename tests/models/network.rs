//! Messages in transit between objects, and how much may go wrong.

/// What may still happen in a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Budget {
    /// Requests that change something.
    pub edits: u8,
    /// Messages that are lost.
    pub lost: u8,
    /// Messages that are duplicated.
    pub doubled: u8,
    /// Crashes, after which an object restarts from what it stored.
    pub crashes: u8,
    /// Callers that time out.
    pub timeouts: u8,
}

impl Budget {
    /// Nothing happens.
    pub const NONE: Self = Self { edits: 0, lost: 0, doubled: 0, crashes: 0, timeouts: 0 };
}

/// Messages that were sent and have not arrived. They may arrive in any order, so the order in
/// which they were sent is not part of the state.
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

    /// Removes a message that arrives or is lost.
    pub fn take(&mut self, message: &M) {
        let place = self.0.binary_search(message);
        self.0.remove(place.expect("a message in transit"));
    }

    /// Removes any message.
    pub fn take_first(&mut self) -> Option<M> {
        (!self.0.is_empty()).then(|| self.0.remove(0))
    }

    /// The messages in transit.
    pub fn iter(&self) -> impl Iterator<Item = &M> {
        self.0.iter()
    }

    /// The distinct messages in transit.
    pub fn distinct(&self) -> Vec<M> {
        let mut messages = self.0.clone();
        messages.dedup();
        messages
    }

    /// Whether no message is in transit.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The smallest unused number, so that histories that differ only in the numbers of calls reach the
/// same state.
pub fn unused(taken: impl Iterator<Item = u8>) -> u8 {
    let taken: Vec<u8> = taken.collect();
    (0..).find(|number| !taken.contains(number)).expect("an unused number")
}
