//! `Responder`: writes the events of one response.

use turnwire::responses::{ErrorObject, EventData, Item, ResponseWriter, ServerEvent, Usage};

use crate::output::{Output, OutputSender, SendError};

/// Writes the events of one response. Each method waits while the client does not read.
///
/// # Errors
///
/// Every method returns [`SendError`] when the client has left. The handler has nothing more to do then.
#[derive(Debug)]
pub struct Responder {
    output: OutputSender,
    /// `None` once the response has ended.
    writer: Option<ResponseWriter>,
    is_background: bool,
}

impl Responder {
    pub(crate) const fn new(output: OutputSender, writer: ResponseWriter, is_background: bool) -> Self {
        Self { output, writer: Some(writer), is_background }
    }

    /// Sends the turn token, which the client returns with the further requests of the turn. Call it before
    /// [`begin`](Self::begin): over HTTP, it is a header.
    pub async fn turn_token(&mut self, token: &str) -> Result<(), SendError> {
        self.output.send(Output::TurnToken(token.into())).await
    }

    /// Begins the response.
    pub async fn begin(&mut self) -> Result<(), SendError> {
        let begin = if self.is_background { ResponseWriter::begin_queued } else { ResponseWriter::begin };
        self.write(begin).await
    }

    /// Sends text of the message with this id. The message begins with its first text, and ends with the next other output.
    pub async fn text(&mut self, item_id: &str, delta: &str) -> Result<(), SendError> {
        self.write(|writer| writer.text(item_id, delta)).await
    }

    /// Sends a whole item: a call with its arguments, reasoning with its summaries.
    pub async fn item(&mut self, item: &Item) -> Result<(), SendError> {
        self.write(|writer| writer.item(item)).await
    }

    /// Sends any other event of this response, with the next number.
    pub async fn event(&mut self, data: EventData<'static>) -> Result<(), SendError> {
        self.write(|writer| vec![writer.event(data)]).await
    }

    /// Completes the response.
    pub async fn complete(mut self, usage: Option<&Usage>) -> Result<(), SendError> {
        self.end(|writer| writer.complete(usage, None)).await
    }

    /// Ends the response as incomplete, for example because of `max_output_tokens`.
    pub async fn incomplete(mut self, reason: &str, usage: Option<&Usage>) -> Result<(), SendError> {
        self.end(|writer| writer.incomplete(reason, usage)).await
    }

    /// Fails the response.
    pub async fn fail(mut self, error: &ErrorObject) -> Result<(), SendError> {
        self.end(|writer| writer.fail(error)).await
    }

    /// Ends the response as interrupted: the message that is being written is gone, items that are done are kept.
    pub async fn interrupted(mut self, usage: Option<&Usage>) -> Result<(), SendError> {
        self.end(|writer| writer.interrupted(usage)).await
    }

    /// Sends the events that `write` makes with the writer of the response, for everything that has no method here, such as the
    /// replies to steering.
    pub async fn write(
        &mut self,
        write: impl FnOnce(&mut ResponseWriter) -> Vec<ServerEvent<'static>>,
    ) -> Result<(), SendError> {
        let events = self.writer.as_mut().map(write).unwrap_or_default();
        self.send(events).await
    }

    async fn end(&mut self, write: impl FnOnce(ResponseWriter) -> Vec<ServerEvent<'static>>) -> Result<(), SendError> {
        let events = self.writer.take().map(write).unwrap_or_default();
        self.send(events).await
    }

    async fn send(&self, events: Vec<ServerEvent<'static>>) -> Result<(), SendError> {
        for event in events {
            self.output.send(Output::event(&event)).await?;
        }
        Ok(())
    }
}

/// A response that was not ended is ended as failed, once the handler has returned.
impl Drop for Responder {
    fn drop(&mut self) {
        if let Some(writer) = self.writer.take() {
            self.output.leave_unfinished(writer);
        }
    }
}
