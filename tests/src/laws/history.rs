//! The law of the history: whether an application shares its items with the requests or copies them changes nothing that is sent.

use turnwire::client::{Request, Settings};
use turnwire::responses::request::Input;
use turnwire::responses::{ContentPart, CreateResponse, Item, Message};

use crate::choices::Choices;
use crate::fixtures::{assistant, created, done, msg, user};
use crate::pair::{Kind, Pair, Script, provider};

/// One history, as it is shared and as it is copied.
#[derive(Default)]
struct Histories {
    shared: Input,
    copied: Vec<Item>,
    /// Clones that the application keeps.
    kept: Vec<Input>,
    count: usize,
}

impl Histories {
    fn item(&mut self, choices: &mut Choices<'_>) -> Item {
        self.count += 1;
        let text = format!("text {}", self.count);
        match choices.index(4) {
            0 => assistant(&format!("msg_{}", self.count), &text),
            1 => {
                let mut image = ContentPart::input_image("https://example.com/a.png");
                if let ContentPart::InputImage { detail, .. } = &mut image {
                    *detail = [None, Some("high".into())][choices.index(2)].take();
                }
                Item::Message(Message::new("user", vec![image]))
            }
            _ => user(&text),
        }
    }

    fn change(&mut self, choices: &mut Choices<'_>) {
        let at = choices.index(self.copied.len() + 1);
        match choices.index(9) {
            0 => {
                let item = self.item(choices);
                self.shared.insert(at, item.clone());
                self.copied.insert(at, item);
            }
            1 => {
                self.shared.truncate(at);
                self.copied.truncate(at);
            }
            2 => {
                let items = [self.item(choices), self.item(choices)];
                self.shared.extend(items.clone());
                self.copied.extend(items);
            }
            // An equal item in the place of a shared one.
            3 => self.shared.with_items(|items| items.iter_mut().for_each(|item| *item = item.clone())),
            4 if at < self.copied.len() => {
                let item = self.item(choices);
                self.shared.with_items(|items| items[at] = item.clone());
                self.copied[at] = item;
            }
            5 => self.kept.push(self.shared.clone()),
            6 if !self.kept.is_empty() && self.copied.len() < 64 => {
                let other = self.kept[at % self.kept.len()].clone();
                self.copied.extend(other.to_vec());
                self.shared.append(other);
            }
            7 => {
                let (shared, copied) = (self.shared.clone(), self.copied.clone());
                *self = Self { kept: core::mem::take(&mut self.kept), count: self.count, shared, copied };
            }
            _ => {
                let item = self.item(choices);
                self.shared.push(item.clone());
                self.copied.push(item);
            }
        }
    }

    fn check(&self) -> Result<(), String> {
        let (shared, copied) = (&self.shared, &self.copied);
        let of_copies = Input::from(copied.clone());
        let same = *shared == *copied
            && *shared == of_copies
            && shared.len() == copied.len()
            && shared.is_empty() == copied.is_empty()
            && shared.iter().len() == copied.len()
            && shared.iter().rev().eq(copied.iter().rev())
            && (0..=copied.len()).all(|at| shared.get(at) == copied.get(at))
            && (shared.first(), shared.last()) == (copied.first(), copied.last())
            && shared.clone().into_items() == *copied;
        if same { Ok(()) } else { Err(format!("{shared:?} is not {copied:?}")) }
    }
}

/// Runs a conversation of some turns twice: one application sends clones of its [`Input`], which share their items, the other one
/// copies. `input` decides how the history changes between the turns. The two histories stay equal, and the clients send the same bytes.
///
/// # Errors
///
/// Describes the first difference.
pub fn shared(input: &[u8]) -> Result<(), String> {
    let mut choices = Choices::new(input);
    let pair = || Pair::new(provider(), Settings::default(), Script::new());
    let (mut sharing, mut copying) = (pair(), pair());
    let mut histories = Histories::default();
    let lite = choices.index(3) == 0;
    for turn in 0..=choices.index(4) {
        for _ in 0..=choices.index(4) {
            histories.change(&mut choices);
            histories.check()?;
        }
        let (response, id) = (format!("resp_{turn}"), format!("msg_r{turn}"));
        for pair in [&mut sharing, &mut copying] {
            let events = [created(&response), msg(&id, "the answer"), done(&response)];
            pair.script.plan(Kind::Text, events.map(crate::pair::Act::Send).into());
        }
        let send = |pair: &mut Pair, input: Input| {
            let mut request = Request::from(CreateResponse::new("m", input));
            request.lite = lite;
            pair.ask(request);
            pair.texts().last().map(|seen| seen.bytes.clone())
        };
        let sent = send(&mut sharing, histories.shared.clone());
        let expected = send(&mut copying, histories.copied.clone().into());
        histories.check()?;
        if sent.is_none() || sent != expected {
            let text = |bytes: Option<Vec<u8>>| bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            return Err(format!("{:?} was sent, not {:?}", text(sent), text(expected)));
        }
        if choices.index(4) != 0 {
            histories.shared.push(assistant(&id, "the answer"));
            histories.copied.push(assistant(&id, "the answer"));
        }
    }
    Ok(())
}
