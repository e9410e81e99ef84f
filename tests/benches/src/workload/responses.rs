//! Complete streamed responses, as bodies of event streams.

use super::{Rng, escape, token};

/// The position of `type` in each event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOrder {
    /// First, then the others in alphabetical order, as services send them.
    TypeFirst,
    /// Last: valid JSON that defeats parsers which only look at a prefix.
    TypeLast,
}

/// The counts that every parser must reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Events.
    pub events: u64,
    /// Bytes of their data.
    pub data: u64,
    /// `response.output_text.delta` events.
    pub text_deltas: u64,
    /// Bytes of their deltas, unescaped.
    pub text: u64,
    /// `response.completed` events.
    pub completed: u64,
    /// The `total_tokens` of their usages, summed.
    pub tokens: u64,
}

/// Bodies of event streams.
#[derive(Debug)]
pub struct Streams {
    /// The body of each response.
    pub bodies: Vec<Vec<u8>>,
    /// Their total length in bytes.
    pub bytes: usize,
    /// The expected counts.
    pub expected: Expected,
    /// The positions of each body's payloads.
    pub payloads: Vec<Vec<(usize, usize)>>,
}

impl Streams {
    /// Returns each body as reads of `size` bytes; with 0, one event per read, as a model's tokens arrive.
    #[must_use]
    pub fn reads(&self, size: usize) -> Vec<Vec<&[u8]>> {
        let cut = |(body, payloads): (&'_ Vec<u8>, &Vec<(usize, usize)>)| -> Vec<(usize, usize)> {
            let ends: Vec<_> = match size {
                0 => payloads.iter().map(|(_, end)| end + 2).collect(),
                size => (size..body.len()).step_by(size).chain([body.len()]).collect(),
            };
            let starts = [0].into_iter().chain(ends.iter().copied());
            starts.zip(ends.iter().copied()).collect()
        };
        let bodies = self.bodies.iter().zip(&self.payloads);
        bodies.map(|body| cut(body).into_iter().map(|(start, end)| &body.0[start..end]).collect()).collect()
    }

    /// Returns all payloads.
    pub fn payloads(&self) -> impl Iterator<Item = &str> {
        let bodies = self.bodies.iter().zip(&self.payloads);
        bodies.flat_map(|(body, payloads)| {
            payloads.iter().map(|(start, end)| std::str::from_utf8(&body[*start..*end]).expect("made of text"))
        })
    }
}

/// Returns complete responses up to `size` bytes.
#[must_use]
pub fn streams(seed: u64, size: usize, order: KeyOrder) -> Streams {
    let mut maker = Maker {
        rng: Rng(seed),
        order,
        body: Vec::new(),
        payloads: Vec::new(),
        expected: Expected::default(),
        sequence: 0,
        obfuscates: false,
    };
    let mut streams = Streams { bodies: Vec::new(), bytes: 0, expected: Expected::default(), payloads: Vec::new() };
    while streams.bytes < size {
        let target = maker.rng.range(200_000, 1_400_000).min((size - streams.bytes) as u64) as usize;
        maker.sequence = 0;
        maker.response(target);
        let body = std::mem::take(&mut maker.body);
        streams.bytes += body.len();
        streams.bodies.push(body);
        streams.payloads.push(std::mem::take(&mut maker.payloads));
    }
    streams.expected = maker.expected;
    streams
}

struct Maker {
    rng: Rng,
    order: KeyOrder,
    body: Vec<u8>,
    payloads: Vec<(usize, usize)>,
    expected: Expected,
    sequence: u64,
    obfuscates: bool,
}

/// The members of a response that are known before its items.
struct Frame {
    id: String,
    created: u64,
    instructions: String,
    tools: String,
}

impl Maker {
    /// `rest`: the members except `type` and the sequence number, without braces.
    fn emit(&mut self, kind: &str, rest: &str) {
        let sequence = self.sequence;
        self.sequence += 1;
        self.body.extend_from_slice(format!("event: {kind}\ndata: ").as_bytes());
        let start = self.body.len();
        let json = match self.order {
            KeyOrder::TypeFirst => format!("{{\"type\":\"{kind}\",{rest},\"sequence_number\":{sequence}}}"),
            KeyOrder::TypeLast => format!("{{{rest},\"sequence_number\":{sequence},\"type\":\"{kind}\"}}"),
        };
        self.body.extend_from_slice(json.as_bytes());
        self.payloads.push((start, self.body.len()));
        self.body.extend_from_slice(b"\n\n");
        self.expected.events += 1;
        self.expected.data += json.len() as u64;
    }

    /// Writes one complete response of about `target` bytes.
    fn response(&mut self, target: usize) {
        let frame = self.frame();
        let begun = frame.object("in_progress", "", "null");
        self.emit("response.created", &format!("\"response\":{begun}"));
        self.emit("response.in_progress", &format!("\"response\":{begun}"));
        self.obfuscates = self.rng.percent(50);
        let id = self.rng.range(32, 50) as usize;
        let (mut outputs, mut tokens): (Vec<String>, _) = (Vec::new(), 0);
        while self.body.len() < target {
            let index = outputs.len();
            outputs.push(self.reasoning(id, index, &mut tokens));
            outputs.push(self.message(id, index + 1, &mut tokens));
            outputs.push(self.call(id, index + 2, &mut tokens));
            outputs.push(self.call(id, index + 3, &mut tokens));
        }
        let input = self.rng.range(2_000, 200_000);
        let (cached, total) = (input / 2, input + tokens);
        let usage = format!(
            "{{\"input_tokens\":{input},\"input_tokens_details\":{{\"cached_tokens\":{cached}}},\"output_tokens\":{tokens},\"output_tokens_details\":{{\"reasoning_tokens\":64}},\"total_tokens\":{total}}}"
        );
        let object = frame.object("completed", &outputs.join(","), &usage);
        self.emit("response.completed", &format!("\"response\":{object}"));
        self.expected.completed += 1;
        self.expected.tokens += total;
    }

    fn frame(&mut self) -> Frame {
        let id = format!("resp_{}", self.hex(48));
        let created = 1_760_000_000 + self.rng.range(0, 1_000_000);
        let mut instructions = String::new();
        let length = self.rng.range(1500, 4000) as usize;
        while instructions.len() < length {
            let text = token(&mut self.rng);
            escape(&text, &mut instructions);
        }
        let tools: Vec<_> = (0..4).map(|tool| format!("{{\"type\":\"function\",\"description\":\"Runs tool number {tool} in the sandbox.\",\"name\":\"tool_{tool}\",\"parameters\":{{\"type\":\"object\",\"properties\":{{\"command\":{{\"type\":\"array\",\"items\":{{\"type\":\"string\"}}}},\"workdir\":{{\"type\":\"string\"}}}},\"required\":[\"command\"],\"additionalProperties\":false}},\"strict\":false}}")).collect();
        Frame { id, created, instructions, tools: tools.join(",") }
    }

    fn reasoning(&mut self, id: usize, index: usize, tokens: &mut u64) -> String {
        let id = format!("rs_{}", self.hex(id));
        self.emit("response.output_item.added", &format!("\"item\":{{\"id\":\"{id}\",\"type\":\"reasoning\",\"encrypted_content\":null,\"summary\":[]}},\"output_index\":{index}"));
        self.emit("response.reasoning_summary_part.added", &format!("\"item_id\":\"{id}\",\"output_index\":{index},\"part\":{{\"type\":\"summary_text\",\"text\":\"\"}},\"summary_index\":0"));
        let mut full = String::new();
        for _ in 0..self.rng.range(40, 80) {
            let text = escaped(&token(&mut self.rng));
            full.push_str(&text);
            let obfuscation = self.obfuscation();
            self.emit("response.reasoning_summary_text.delta", &format!("\"delta\":\"{text}\",\"item_id\":\"{id}\"{obfuscation},\"output_index\":{index},\"summary_index\":0"));
            *tokens += 1;
        }
        self.emit(
            "response.reasoning_summary_text.done",
            &format!("\"item_id\":\"{id}\",\"output_index\":{index},\"summary_index\":0,\"text\":\"{full}\""),
        );
        self.emit("response.reasoning_summary_part.done", &format!("\"item_id\":\"{id}\",\"output_index\":{index},\"part\":{{\"type\":\"summary_text\",\"text\":\"{full}\"}},\"summary_index\":0"));
        let length = self.rng.range(600, 2400) as usize;
        let sealed = self.base64(length);
        self.done(index, format!("{{\"id\":\"{id}\",\"type\":\"reasoning\",\"encrypted_content\":\"{sealed}\",\"summary\":[{{\"type\":\"summary_text\",\"text\":\"{full}\"}}]}}"))
    }

    fn message(&mut self, id: usize, index: usize, tokens: &mut u64) -> String {
        let id = format!("msg_{}", self.hex(id));
        self.emit("response.output_item.added", &format!("\"item\":{{\"id\":\"{id}\",\"type\":\"message\",\"status\":\"in_progress\",\"content\":[],\"role\":\"assistant\"}},\"output_index\":{index}"));
        self.emit("response.content_part.added", &format!("\"content_index\":0,\"item_id\":\"{id}\",\"output_index\":{index},\"part\":{{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],\"text\":\"\"}}"));
        let mut full = String::new();
        for _ in 0..self.rng.range(700, 1100) {
            let text = token(&mut self.rng);
            self.expected.text_deltas += 1;
            self.expected.text += text.len() as u64;
            let text = escaped(&text);
            full.push_str(&text);
            let obfuscation = self.obfuscation();
            let logprobs = if self.obfuscates { ",\"logprobs\":[]" } else { "" };
            self.emit("response.output_text.delta", &format!("\"content_index\":0,\"delta\":\"{text}\",\"item_id\":\"{id}\"{logprobs}{obfuscation},\"output_index\":{index}"));
            *tokens += 1;
        }
        self.emit(
            "response.output_text.done",
            &format!(
                "\"content_index\":0,\"item_id\":\"{id}\",\"logprobs\":[],\"output_index\":{index},\"text\":\"{full}\""
            ),
        );
        let part = format!("{{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],\"text\":\"{full}\"}}");
        self.emit(
            "response.content_part.done",
            &format!("\"content_index\":0,\"item_id\":\"{id}\",\"output_index\":{index},\"part\":{part}"),
        );
        self.done(index, format!("{{\"id\":\"{id}\",\"type\":\"message\",\"status\":\"completed\",\"content\":[{part}],\"role\":\"assistant\"}}"))
    }

    fn call(&mut self, id: usize, index: usize, tokens: &mut u64) -> String {
        let id = format!("fc_{}", self.hex(id));
        let call = format!("call_{}", self.base64(24));
        self.emit("response.output_item.added", &format!("\"item\":{{\"id\":\"{id}\",\"type\":\"function_call\",\"status\":\"in_progress\",\"arguments\":\"\",\"call_id\":\"{call}\",\"name\":\"shell\"}},\"output_index\":{index}"));
        let count = self.rng.range(25, 40);
        let mut full = String::new();
        for piece in 0..count {
            let text = match piece {
                0 => "{\"command\":[\"bash\",\"",
                last if last == count - 1 => "\"]}",
                _ => match self.rng.step() % 6 {
                    0 => "\",\"",
                    1 => "\\n",
                    _ => self.rng.pick(super::WORDS),
                },
            };
            let text = escaped(text);
            full.push_str(&text);
            let obfuscation = self.obfuscation();
            self.emit(
                "response.function_call_arguments.delta",
                &format!("\"delta\":\"{text}\",\"item_id\":\"{id}\"{obfuscation},\"output_index\":{index}"),
            );
            *tokens += 1;
        }
        self.emit(
            "response.function_call_arguments.done",
            &format!("\"arguments\":\"{full}\",\"item_id\":\"{id}\",\"name\":\"shell\",\"output_index\":{index}"),
        );
        self.done(index, format!("{{\"id\":\"{id}\",\"type\":\"function_call\",\"status\":\"completed\",\"arguments\":\"{full}\",\"call_id\":\"{call}\",\"name\":\"shell\"}}"))
    }

    fn done(&mut self, index: usize, item: String) -> String {
        self.emit("response.output_item.done", &format!("\"item\":{item},\"output_index\":{index}"));
        item
    }

    fn obfuscation(&mut self) -> String {
        if !self.obfuscates {
            return String::new();
        }
        let length = self.rng.range(1, 16) as usize;
        format!(",\"obfuscation\":\"{}\"", self.base64(length))
    }

    fn hex(&mut self, length: usize) -> String {
        let mut text = String::with_capacity(length);
        while text.len() < length {
            text.push_str(&format!("{:016x}", self.rng.step()));
        }
        text.truncate(length);
        text
    }

    fn base64(&mut self, length: usize) -> String {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        (0..length).map(|_| LETTERS[(self.rng.step() & 63) as usize] as char).collect()
    }
}

impl Frame {
    fn object(&self, status: &str, output: &str, usage: &str) -> String {
        let Self { id, created, instructions, tools } = self;
        format!(
            "{{\"id\":\"{id}\",\"object\":\"response\",\"created_at\":{created},\"status\":\"{status}\",\"background\":false,\"error\":null,\"incomplete_details\":null,\"instructions\":\"{instructions}\",\"max_output_tokens\":null,\"max_tool_calls\":null,\"model\":\"gpt-5.1-codex\",\"output\":[{output}],\"parallel_tool_calls\":true,\"previous_response_id\":null,\"prompt_cache_key\":\"019a0000-0000-7000-8000-000000000000\",\"reasoning\":{{\"effort\":\"medium\",\"summary\":\"detailed\"}},\"safety_identifier\":null,\"service_tier\":\"auto\",\"store\":false,\"temperature\":1.0,\"text\":{{\"format\":{{\"type\":\"text\"}},\"verbosity\":\"medium\"}},\"tool_choice\":\"auto\",\"tools\":[{tools}],\"top_logprobs\":0,\"top_p\":1.0,\"truncation\":\"disabled\",\"usage\":{usage},\"user\":null,\"metadata\":{{}}}}"
        )
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    escape(text, &mut out);
    out
}
