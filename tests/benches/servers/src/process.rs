//! A server in a process of its own, and what the kernel says of it.

use std::fs;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A server. It is killed when this value is dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: String,
}

impl Process {
    /// Starts a server, and waits until it accepts.
    pub(crate) fn start(server: &str, port: u16, grace: u64) -> Self {
        let port = port.to_string();
        let mut command = if server.contains(' ') {
            let mut words = server.split(' ').map(|word| word.replace("PORT", &port));
            let mut command = Command::new(words.next().expect("a command"));
            command.args(words);
            command
        } else {
            let mut command = Command::new(std::env::current_exe().expect("the path of this program"));
            command.args(["serve", server, &port, &grace.to_string()]);
            command
        };
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("the server starts");
        let process = Self { child, address: format!("127.0.0.1:{port}") };
        let until = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(&process.address).is_err() {
            assert!(Instant::now() < until, "the server does not accept");
            sleep(Duration::from_millis(20));
        }
        process
    }

    /// The value of a line of `/proc/PID/status`, in KiB.
    pub(crate) fn memory(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("the server runs");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
        line.trim_start_matches(':').trim().trim_end_matches(" kB").trim().parse().expect("a number")
    }

    /// The processor time that the server has used, in seconds.
    pub(crate) fn cpu(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("the server runs");
        let fields: Vec<&str> = stat.rsplit(") ").next().expect("fields behind the name").split(' ').collect();
        let ticks: f64 = fields[11..=12].iter().map(|field| field.parse::<f64>().expect("a number")).sum();
        ticks / 100.0
    }

    /// Asks the server to shut down gracefully.
    pub(crate) fn interrupt(&self) {
        Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().expect("kill");
    }

    pub(crate) fn wait(&mut self) {
        self.child.wait().expect("the server ends");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
