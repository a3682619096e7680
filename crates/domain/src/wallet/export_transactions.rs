//! One's own ledger as a table for spreadsheets (RFC 4180), page by page as it is read.

use base::CommonFault;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, try_unfold};
use protocol::wallet::{Transaction, TransactionFilter};
use store::wallet::TransactionQuery;

use super::WalletError;
use super::list_transactions::query_of;
use super::view::transaction_view;
use crate::{Actor, App};

/// Lines that are in memory at once.
const PAGE: u32 = 500;
/// Spreadsheets take it for UTF-8 then, Arabic words included.
const HEAD: &str = "\u{feff}id,created_at,type,category,amount,balance_after,currency,status,\
                    transaction_reference,related_type,related_id,description\r\n";

/// The actor's transactions as CSV, newest first.
///
/// # Errors
/// [`CommonFault::NotFound`] without a wallet; the stream ends with the store's.
pub async fn export_transactions(
    app: &App,
    actor: &Actor,
    filter: TransactionFilter,
) -> Result<BoxStream<'static, Result<Bytes, CommonFault>>, WalletError> {
    actor.require("read")?;
    {
        let mut conn = app.store.reader().await?;
        let wallet = store::wallet::find_wallet(&mut conn, actor.user_id()).await?;
        wallet.ok_or(CommonFault::NotFound("wallet"))?;
    }
    let which = TransactionQuery { forward: true, limit: PAGE, ..query_of(&filter) };
    let (app, user_id) = (app.clone(), actor.user_id());
    // Nothing, then each page after the last line of the one before, until a page is not full.
    let begin = (app, which, Place::Head);
    Ok(try_unfold(begin, move |(app, which, place)| async move {
        let which = match place {
            Place::Head => {
                let next = (app, which, Place::After(None));
                return Ok(Some((Bytes::from_static(HEAD.as_bytes()), next)));
            }
            Place::After(cursor) => TransactionQuery { cursor, ..which },
            Place::End => return Ok(None),
        };
        let rows = {
            let mut conn = app.store.reader().await.map_err(crate::fault::of_store)?;
            store::wallet::list_transactions(&mut conn, user_id, which)
                .await
                .map_err(crate::fault::of_store)?
        };
        let Some(last) = rows.last().map(|row| row.id) else { return Ok(None) };
        let full = rows.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX);
        let mut text = String::new();
        for row in rows {
            write_line(&mut text, &transaction_view(row).map_err(crate::fault::of_store)?);
        }
        let next = if full { Place::After(Some(last)) } else { Place::End };
        Ok(Some((Bytes::from(text), (app, which, next))))
    })
    .boxed())
}

#[derive(Clone, Copy)]
enum Place {
    Head,
    After(Option<u64>),
    End,
}

fn write_line(text: &mut String, line: &Transaction) {
    let related_id = line.related_id.map(|id| id.to_string()).unwrap_or_default();
    let at = line.created_at.map(|at| at.as_chrono().format("%Y-%m-%dT%H:%M:%SZ").to_string());
    let cells = [
        line.id.to_string(),
        at.unwrap_or_default(),
        line.entry_type.as_str().to_owned(),
        line.category.as_str().to_owned(),
        line.amount.to_string(),
        line.balance_after.to_string(),
        line.currency.clone(),
        line.status.clone(),
        line.transaction_reference.clone(),
        line.related_type.clone().unwrap_or_default(),
        related_id,
        line.description.clone().unwrap_or_default(),
    ];
    for (number, cell) in cells.iter().enumerate() {
        if number > 0 {
            text.push(',');
        }
        push_cell(text, cell);
    }
    text.push_str("\r\n");
}

/// Quoted where it must be. What a spreadsheet would take for a formula is text: others choose these words.
fn push_cell(text: &mut String, cell: &str) {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if !formula && !cell.contains([',', '"', '\n', '\r']) {
        text.push_str(cell);
        return;
    }
    text.push('"');
    if formula {
        text.push('\'');
    }
    text.push_str(&cell.replace('"', "\"\""));
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::push_cell;

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        for (cell, expected) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=1+1", "\"'=1+1\""),
            ("@x", "\"'@x\""),
            ("", ""),
        ] {
            let mut text = String::new();
            push_cell(&mut text, cell);
            assert_eq!(text, expected);
        }
    }
}
