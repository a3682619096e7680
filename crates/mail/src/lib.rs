//! Mail to people: letters in both languages, as text and as HTML, and the ways that they leave by. Knows neither the
//! store nor the domains; when a letter is sent, and how often it is tried, is theirs.

mod letter;
mod page;

use std::path::{Path, PathBuf};
use std::time::Duration;

use config::{MailEncryption, MailTransport};
use lettre::address::AddressError;
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

pub use letter::{Letter, Subject};

/// A mail server that says nothing for so long is away.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why a letter did not leave.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The receiver's address, or the sender's, is none.
    #[error("an address is none: {0}")]
    Address(#[from] AddressError),
    /// The letter cannot be put into the form of mail.
    #[error("the letter cannot be written: {0}")]
    Form(#[from] lettre::error::Error),
    /// The mail server refused it, or does not answer.
    #[error("the mail server: {0}")]
    Smtp(#[from] lettre::transport::smtp::Error),
    /// The file cannot be written.
    #[error("the file of a mail: {0}")]
    File(#[from] std::io::Error),
}

impl MailError {
    /// Will it be refused the next time, too?
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            Self::Address(_) | Self::Form(_) => true,
            Self::Smtp(error) => error.is_permanent(),
            Self::File(_) => false,
        }
    }
}

/// A letter on its way to somebody.
#[derive(Clone, Debug)]
pub struct Envelope<'a> {
    /// Names this letter, however often it is sent: receivers drop repeats by it.
    pub id: &'a str,
    /// The receiver's name.
    pub name: &'a str,
    /// The receiver's address.
    pub address: &'a str,
    /// In which language the letter is.
    pub lang: base::Lang,
}

/// Sends letters.
#[derive(Clone, Debug)]
pub struct Mailer {
    way: Way,
    from_name: String,
    from_address: String,
}

#[derive(Clone, Debug)]
enum Way {
    Files(PathBuf),
    Log,
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
}

impl Mailer {
    /// As configured. Connects to nothing yet.
    ///
    /// # Errors
    /// [`MailError::Smtp`] for a mail server whose name cannot be that of one.
    pub fn new(settings: &config::Mail) -> Result<Self, MailError> {
        let way = match &settings.transport {
            MailTransport::Files(folder) => Way::Files(folder.clone()),
            MailTransport::Log => Way::Log,
            MailTransport::Smtp(smtp) => {
                let builder = match smtp.encryption {
                    MailEncryption::None => {
                        AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&smtp.host)
                    }
                    MailEncryption::StartTls => {
                        AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(&smtp.host)?
                    }
                    MailEncryption::Tls => AsyncSmtpTransport::<Tokio1Executor>::relay(&smtp.host)?,
                };
                let mut builder = builder.port(smtp.port).timeout(Some(PATIENCE));
                if let Some((name, password)) = &smtp.credentials {
                    builder =
                        builder.credentials(Credentials::new(name.clone(), password.expose().to_owned()));
                }
                Way::Smtp(builder.build())
            }
        };
        let (from_name, from_address) = (settings.from_name.clone(), settings.from_address.clone());
        Ok(Self { way, from_name, from_address })
    }

    /// Sends a letter. When it is uncertain whether it left, that is an error: the repeat has the same id.
    ///
    /// # Errors
    /// [`MailError`].
    pub async fn send(&self, envelope: &Envelope<'_>, letter: &Letter<'_>) -> Result<(), MailError> {
        let message = self.message(envelope, letter)?;
        match &self.way {
            Way::Files(folder) => write_file(folder, envelope.id, &message.formatted()).await,
            Way::Log => {
                let subject = letter.subject(envelope.lang);
                // Addresses are not for logs (domain.md §9.6).
                tracing::info!(id = envelope.id, subject, "a mail, which goes nowhere else");
                Ok(())
            }
            Way::Smtp(server) => {
                server.send(message).await?;
                Ok(())
            }
        }
    }

    fn message(&self, envelope: &Envelope<'_>, letter: &Letter<'_>) -> Result<Message, MailError> {
        let host = self.from_address.rsplit('@').next().unwrap_or("localhost");
        let from = Mailbox::new(Some(self.from_name.clone()), self.from_address.parse()?);
        let to = Mailbox::new(Some(envelope.name.to_owned()), envelope.address.parse()?);
        let text = letter.text(envelope.lang, envelope.name, &self.from_name);
        let html = page::html(envelope.lang, &text, letter.link());
        let message = Message::builder()
            .message_id(Some(format!("<{}@{host}>", envelope.id)))
            .from(from)
            .to(to)
            .subject(letter.subject(envelope.lang))
            .multipart(MultiPart::alternative_plain_html(text, html))?;
        Ok(message)
    }
}

/// Written beside its place and then put there, so that nobody reads half a mail.
async fn write_file(folder: &Path, id: &str, bytes: &[u8]) -> Result<(), MailError> {
    tokio::fs::create_dir_all(folder).await?;
    let (part, whole) = (folder.join(format!("{id}.part")), folder.join(format!("{id}.eml")));
    tokio::fs::write(&part, bytes).await?;
    tokio::fs::rename(&part, &whole).await?;
    Ok(())
}
