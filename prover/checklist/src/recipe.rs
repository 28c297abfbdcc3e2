//! Recipe that reproduces one finding: the steps, and the observation that shows the fault.

pub mod created;
pub mod disk;
mod kill;
pub mod series;
pub mod storm;
pub mod strain;
pub(crate) mod words;

use std::time::Duration;

use keel_wire::http::{Exchange, Request};

use self::created::{Identifiers, Listing};
use self::disk::{FullDisk, Stray};
pub use self::kill::{Kill, PathPart};
use self::series::Series;
use self::storm::Storm;
use self::strain::{Bomb, Overload, Spent, Unread};
use crate::subject::{Dependencies, Subject};

/// Steps that reproduce a fault, and the observation that shows it.
#[derive(Clone, Debug)]
pub enum Recipe {
    /// Sends requests one after another.
    Ask(Ask),
    /// Sends bytes on a connection of their own, and listens until it is silent for ten seconds or closed.
    Wire {
        /// The bytes to send: each piece with its number of repetitions.
        pieces: Vec<(Vec<u8>, usize)>,
        /// The observation that shows the fault.
        fault: OnWire,
    },
    /// Begins a request, and then sends a byte each second or nothing more: the fault is that the connection is still held.
    Slow {
        /// The beginning.
        begin: Vec<u8>,
        /// The byte that is sent each second; none for silence.
        drip: Option<u8>,
        /// After how long it must have been cut.
        held: Duration,
    },
    /// Keeps connections open from another address of this machine that have sent the beginning of a request: the fault is that a
    /// request beside them is not answered.
    Crowd {
        /// The number of connections.
        connections: usize,
        /// The bytes that each connection sends first.
        begin: Vec<u8>,
        /// The request beside them.
        beside: Request,
        /// Within which it must be answered.
        within: Duration,
    },
    /// Keeps as many connections open from another address, each with the beginning of a request, and ends the newest: the
    /// fault is that all of these are answered, and not with 429 or 503.
    AllServed {
        /// Number of connections.
        connections: usize,
        /// Number of the newest connections that are closed.
        newest: usize,
        /// Bytes sent on each: a head without its last line.
        begin: Vec<u8>,
    },
    /// Sends a request and asks for these paths: the fault is that it is answered 2xx, a GET with JSON, and that no path is.
    Undescribed {
        /// The request.
        request: Request,
        /// Possible paths of the document.
        paths: Vec<String>,
    },
    /// Sends SIGTERM at some moment.
    Terminate(Terminate),
    /// Makes a thing, kills the service, starts it again and reads the thing back.
    Kill(Kill),
    /// Starts it in a way in which it cannot or must not succeed.
    Start(Start),
    /// Puts a stand-in in the place of a dependency, and sends a request that uses it.
    Dependency(Dependency),
    /// Sends a request so often, one after another: the fault is that none is refused with 429 or 503.
    NeverRefused {
        /// The request.
        request: Request,
        /// The number of repetitions.
        times: usize,
    },
    /// Sends the same request twice: the fault is that both are taken, and that the second answer has another body than the first.
    AnsweredAnew(Request),
    /// Sends requests and looks at what the service prints.
    Output {
        /// The requests.
        requests: Vec<Request>,
        /// The output that shows the fault.
        fault: Printed,
    },
    /// Sends a request so often, one after another: the fault is that what its process holds grows by more than this.
    Grows {
        /// The resource to measure.
        held: Held,
        /// The request.
        request: Request,
        /// The number of requests, after as many that warm the service up.
        times: usize,
        /// The most by which it may grow: bytes, or a number.
        most: u64,
    },
    /// Creates rows and asks for their list.
    Listing(Listing),
    /// Creates objects and looks at their identifiers.
    Identifiers(Identifiers),
    /// Reads the metrics before and after some requests.
    Series(Series),
    /// Sends more than the service can do.
    Overload(Overload),
    /// Sends too many requests of one kind, and others beside them.
    Storm(Storm),
    /// Spends its descriptors.
    Spent(Spent),
    /// Reads no answer.
    Unread(Unread),
    /// Sends a body that unpacks to a thousand times its size.
    Bomb(Bomb),
    /// Fills the disk.
    FullDisk(FullDisk),
    /// Looks at a file elsewhere than declared.
    Stray(Stray),
    /// Looks at files of the repository, without starting anything.
    Files {
        /// The names of which one should be there.
        any_of: Vec<String>,
    },
    /// Looks for a metric that a file names: the fault is that the service does not publish it.
    Unpublished {
        /// The path of the file.
        file: String,
        /// The name of the metric.
        name: String,
        /// The path of the metrics, on the admin listener if there is one.
        path: String,
    },
    /// Runs a command in the repository, without starting anything: the fault is that it fails.
    Command(String),
}

/// Resource of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Resident memory, in bytes.
    Memory,
    /// Open descriptors.
    Descriptors,
}

/// Requests and what their last answer shows.
///
/// An answer is looked at as text: the status on the first line, the headers, an empty line and the body. No answer at all
/// is `0` and the error.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Sent one after another.
    pub requests: Vec<Request>,
    /// True to send them to the admin listener.
    pub admin: bool,
    /// Within which each must be answered; none for the deadline and some seconds more.
    pub within: Option<Duration>,
    /// The text of the last answer that shows the fault.
    pub fault: Shows,
}

/// A regular expression of Python over the text of an answer.
#[derive(Clone, Debug)]
pub enum Shows {
    /// The fault is that it is found.
    Found(String),
    /// The fault is that it is not found.
    Missing(String),
}

/// Observation on a bare connection that shows a fault.
#[derive(Clone, Debug)]
pub enum OnWire {
    /// An answer that begins with this status line, as a regular expression, or none and an open connection.
    ServedOrSilent(String),
    /// All of it is accepted, and not refused with a 4xx other than 408.
    Swallowed,
    /// More than one answer, or one that leaves the connection open.
    NotClosedAfterOne,
}

/// Activity at the time of SIGTERM, and the observation that shows the fault.
#[derive(Clone, Debug)]
pub enum Terminate {
    /// Nothing: the fault is that it does not end with code 0 in time.
    Idle,
    /// A request of which half of the body has been sent: the fault is that it is not answered with a status that this regular
    /// expression matches.
    HalfSent {
        /// The request.
        head: Vec<u8>,
        /// Its body.
        body: Vec<u8>,
        /// The status.
        status: String,
    },
    /// A long answer that is taken slowly: the fault is that less than this many bytes of its body come.
    Transfer {
        /// The request.
        request: Vec<u8>,
        /// The bytes of the whole body.
        body: u64,
    },
    /// A look at readiness: the fault is that it never says that it is not ready.
    Readiness(String),
}

/// Start of the service, and the observation that shows the fault.
#[derive(Clone, Debug)]
pub enum Start {
    /// Five times: the fault is a median above this.
    Slow(Duration),
    /// With a socket in NOTIFY_SOCKET, as process managers do: the fault is that it does not say READY=1.
    Notified,
    /// On a port that is taken: the fault is that it runs on, ends with 0, or does not say why.
    TakenPort {
        /// Time within which it must end; none for `start_timeout`.
        within: Option<Duration>,
    },
    /// As [`Start::Notified`], with WATCHDOG_USEC: the fault is that WATCHDOG=1 does not come again and again.
    Watched(Duration),
    /// With this value for this variable: the fault is that it runs on, ends with 0, or prints no line that names the variable.
    Variable {
        /// The variable's name.
        name: String,
        /// Its value.
        value: String,
        /// Time within which it must end; none for `start_timeout`.
        within: Option<Duration>,
        /// True if the line must report a fault, such as no line of source in a traceback does.
        in_a_fault: bool,
    },
    /// With this value for this variable: the fault is that it prints one of these, which a stack trace has.
    Traced {
        /// The variable's name.
        name: String,
        /// Its value.
        value: String,
        /// Parts of lines of stack traces.
        traces: Vec<String>,
    },
}

/// A stand-in for a dependency, and what is asked meanwhile.
#[derive(Clone, Debug)]
pub struct Dependency {
    /// The variable that carries the dependency's address.
    pub variable: String,
    /// The behaviour of the stand-in.
    pub manner: Manner,
    /// The request that uses it.
    pub request: Request,
    /// Within which it must be answered.
    pub within: Duration,
    /// The observation that shows the fault.
    pub fault: WithDependency,
}

/// Behaviour of a stand-in for each call.
#[derive(Clone, Debug)]
pub enum Manner {
    /// Takes connections and says nothing.
    Hangs,
    /// Refuses connections.
    Refuses,
    /// Answers each with these bytes, and closes.
    Answers(Vec<u8>),
    /// Answers each with a byte a second, of a head that does not end.
    Drips,
    /// Closes each connection as soon as something comes.
    HangsUp,
    /// Answers each with JSON of this many bytes, as fast as it is read.
    Floods(usize),
}

/// Observation that shows a fault of a service whose dependency misbehaves.
#[derive(Clone, Debug)]
pub enum WithDependency {
    /// It is not answered in time.
    NoAnswer,
    /// The answer of the service; only if the dependency was called, where calls can be seen.
    Answer(Shows),
    /// The request is sent so often, one after another; the last `counted` cause more than `most` calls.
    Calls {
        /// The number of requests.
        requests: usize,
        /// The number of requests that are counted.
        counted: usize,
        /// The most calls that these may cause.
        most: usize,
    },
    /// One request causes only one call.
    NoRepeat,
    /// One request causes a second call sooner than this after the first.
    RepeatWithin(Duration),
    /// The client leaves when it is not answered in time, and the call lasts longer than this.
    CallOutlives(Duration),
    /// The resident memory of its processes rises by more than this number of bytes.
    MemoryGrows(u64),
    /// The request is sent so often at once, and another one, which does not use the dependency, is not answered in time.
    OthersStarve {
        /// The number of repetitions.
        times: usize,
        /// The other one.
        other: Request,
    },
}

/// Output that shows a fault.
#[derive(Clone, Debug)]
pub enum Printed {
    /// Nothing is printed.
    Nothing,
    /// More than one line in twenty that is no JSON object.
    NotJson,
    /// A line with this text.
    Line(String),
    /// No line with any of these texts.
    NoLine(Vec<String>),
}

impl Recipe {
    /// Sends the request of this exchange again.
    pub fn again(exchange: &Exchange, fault: Shows) -> Self {
        Self::ask(vec![exchange.request.clone()], fault)
    }

    /// Sends the request of this exchange again, to the admin listener.
    pub fn again_to_admin(exchange: &Exchange, fault: Shows) -> Self {
        Self::Ask(Ask { requests: vec![exchange.request.clone()], admin: true, within: None, fault })
    }

    /// Sends requests one after another to the public listener.
    pub fn ask(requests: Vec<Request>, fault: Shows) -> Self {
        Self::Ask(Ask { requests, admin: false, within: None, fault })
    }

    /// Sends the request of this exchange again: the fault is that it is not answered within this time.
    pub fn unanswered(exchange: &Exchange, within: Duration) -> Self {
        let fault = Shows::Missing("^[1-5]".to_owned());
        Self::Ask(Ask { requests: vec![exchange.request.clone()], admin: false, within: Some(within), fault })
    }
}

impl Shows {
    /// Shows the fault if the answer has no header of this name.
    pub fn no_header(name: &str) -> Self {
        Self::Missing(format!("(?im)^{name}: "))
    }

    /// The fault is that an answer comes whose header of this name is not matched by this regular expression.
    pub fn header_is_not(name: &str, pattern: &str) -> Self {
        Self::Missing(format!("(?im)^{name}: .*({pattern})"))
    }
}

impl Dependency {
    /// A request that uses this dependency; none when it is not declared.
    pub fn of(
        subject: &Subject,
        name: &str,
        manner: Manner,
        (request, within): (Request, Duration),
        fault: WithDependency,
    ) -> Option<Recipe> {
        let Dependencies::Declared(declared) = &subject.dependencies else { return None };
        let variable = declared.iter().find(|one| one.name == name)?.env.clone();
        Some(Recipe::Dependency(Self { variable, manner, request, within, fault }))
    }
}

impl Manner {
    /// Answers each call with this status and nothing else; `headers` are lines that end with CRLF.
    pub fn status(status: u16, headers: &str) -> Self {
        let head = format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n");
        Self::Answers(head.into_bytes())
    }
}
