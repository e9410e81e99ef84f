//! A server in a process of its own, and what the kernel says of it.

use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A server. It is killed when this value is dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: String,
    /// It listens with `SO_REUSEPORT`, so that the next server can listen on the same port before it has ended.
    pub(crate) shares_port: bool,
}

impl Process {
    /// Starts a server, and waits until it accepts.
    pub(crate) fn start(server: &str, port: u16, grace: u64) -> Self {
        let (port, grace) = (port.to_string(), grace.to_string());
        let shares_port = !server.contains(' ');
        let mut command = if !shares_port {
            let mut words = server.split(' ').map(|word| word.replace("PORT", &port).replace("GRACE", &grace));
            let mut command = Command::new(words.next().expect("a command"));
            command.args(words);
            command
        } else {
            let mut command = Command::new(std::env::current_exe().expect("the path of this program"));
            command.args(["serve", server, &port, &grace]);
            command
        };
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let process = Self { child, address: format!("127.0.0.1:{port}"), shares_port };
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

    /// The number of sockets that it has open.
    pub(crate) fn sockets(&self) -> usize {
        let descriptors = fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("the server runs");
        let is_socket = |path: &PathBuf| path.to_string_lossy().starts_with("socket:");
        descriptors.flatten().filter_map(|entry| fs::read_link(entry.path()).ok()).filter(is_socket).count()
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
