//! The server's process.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};

/// A server in a child process, which ends with this value. Its standard output is read up to the address only.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    _unread: BufReader<ChildStdout>,
}

/// Resources of the process.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sample {
    /// Resident memory in KiB.
    pub(crate) rss_kib: u64,
    /// Number of open file descriptors.
    pub(crate) fds: usize,
    /// Processor time in ticks of 10 ms.
    pub(crate) cpu_ticks: u64,
}

const SCRIPT: &str = "[[reply]]\nwhen = \"long\"\ntext = \"LONG\"\n[[reply]]\ntext = \"one two three four five\"\n";

impl Server {
    pub(crate) fn start(options: &[&str]) -> Self {
        let path = std::env::temp_dir().join(format!("turnwire-soak-{}.toml", std::process::id()));
        let script = SCRIPT.replace("LONG", &"word ".repeat(4000));
        fs::File::create(&path).and_then(|mut file| file.write_all(script.as_bytes())).expect("the script is written");
        let own = std::env::current_exe().expect("this program has a path");
        let mut child = Command::new(own)
            .args(["serve", "--listen", "127.0.0.1:0", "--script"])
            .arg(&path)
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output is a pipe"));
        let mut line = String::new();
        lines.read_line(&mut line).expect("it prints its address");
        let address = line.trim().trim_start_matches("listening on http://").trim_end_matches("/v1");
        let address = address.parse().expect("an address");
        Self { child, address, _unread: lines }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn sample(&self) -> Sample {
        let process = format!("/proc/{}", self.child.id());
        let status = fs::read_to_string(format!("{process}/status")).expect("the server runs");
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory is known");
        let rss_kib = rss.trim().trim_end_matches(" kB").trim().parse().expect("a number");
        let fds = fs::read_dir(format!("{process}/fd")).expect("its files are known").count();
        let stat = fs::read_to_string(format!("{process}/stat")).expect("the server runs");
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks = [11, 12].map(|at| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or_default());
        Sample { rss_kib, fds, cpu_ticks: ticks.iter().sum() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
