//! A list page without a product around it: axum, a pool of sqlx as it comes, one statement, its rows as JSON.

use std::io::Read as _;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq};
use sqlx::mysql::{MySqlPoolOptions, MySqlRow};
use sqlx::types::Decimal;
use sqlx::types::chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use sqlx::{AssertSqlSafe, Column as _, MySqlPool, Row as _, TypeInfo as _};
use tokio::net::TcpListener;

use crate::term::{complain, say};

struct Page {
    pool: MySqlPool,
    statement: Arc<str>,
    columns: Vec<Column>,
}

struct Column {
    name: String,
    kind: Kind,
}

/// How a column is read: found once, as a struct's fields would say it.
#[derive(Clone, Copy)]
enum Kind {
    Unsigned,
    Signed,
    Truth,
    Decimal,
    Real,
    Date,
    Time,
    DateTime,
    Timestamp,
    Text,
}

/// Serves the page at `/` until standard input ends.
///
/// # Errors
/// The address is taken, or the statement cannot be run.
pub(crate) async fn serve(
    listen: &str,
    database: &str,
    pool: u32,
    asks: bool,
    statement: &str,
) -> Result<()> {
    let pool = MySqlPoolOptions::new()
        .max_connections(pool)
        .test_before_acquire(asks)
        .connect(database)
        .await
        .context("the database cannot be reached")?;
    let statement: Arc<str> = statement.into();
    let first = sqlx::query(AssertSqlSafe(Arc::clone(&statement)))
        .fetch_optional(&pool)
        .await
        .context("the statement cannot be run")?
        .context("the statement gives no rows: there is nothing to compare")?;
    let columns = first
        .columns()
        .iter()
        .map(|column| Column { name: column.name().to_owned(), kind: kind_of(column.type_info().name()) })
        .collect();
    let page = Arc::new(Page { pool, statement, columns });
    let listener = TcpListener::bind(listen).await.with_context(|| format!("{listen} cannot be had"))?;
    say(&listener.local_addr()?.to_string());
    let app = Router::new().route("/", get(list)).with_state(page);
    let (end, ended) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _closed = std::io::stdin().read(&mut [0]);
        end.send(())
    });
    tokio::select! {
        served = axum::serve(listener, app) => served.context("the bare page failed"),
        _ended = ended => Ok(()),
    }
}

async fn list(State(page): State<Arc<Page>>) -> Response {
    let rows = match sqlx::query(AssertSqlSafe(Arc::clone(&page.statement))).fetch_all(&page.pool).await {
        Ok(rows) => rows,
        Err(error) => return failed(&error),
    };
    match serde_json::to_vec(&Listed { data: Rows(&rows, &page.columns) }) {
        Ok(body) => ([(CONTENT_TYPE, "application/json")], body).into_response(),
        Err(error) => failed(&error),
    }
}

fn failed(error: &dyn std::error::Error) -> Response {
    complain(&format!("bare page: {error}"));
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

#[derive(Serialize)]
struct Listed<'a> {
    data: Rows<'a>,
}

struct Rows<'a>(&'a [MySqlRow], &'a [Column]);

struct OneRow<'a>(&'a MySqlRow, &'a [Column]);

impl Serialize for Rows<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for row in self.0 {
            list.serialize_element(&OneRow(row, self.1))?;
        }
        list.end()
    }
}

impl Serialize for OneRow<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(Some(self.1.len()))?;
        for (place, column) in self.1.iter().enumerate() {
            self.member(&mut members, place, column)?;
        }
        members.end()
    }
}

impl OneRow<'_> {
    fn member<M: SerializeMap>(
        &self,
        members: &mut M,
        place: usize,
        column: &Column,
    ) -> Result<(), M::Error> {
        let name = column.name.as_str();
        match column.kind {
            Kind::Unsigned => members.serialize_entry(name, &self.value::<u64, _>(place)?),
            Kind::Signed => members.serialize_entry(name, &self.value::<i64, _>(place)?),
            Kind::Truth => members.serialize_entry(name, &self.value::<bool, _>(place)?),
            Kind::Decimal => members
                .serialize_entry(name, &self.value::<Decimal, _>(place)?.map(|number| number.to_string())),
            Kind::Real => members.serialize_entry(name, &self.value::<f64, _>(place)?),
            Kind::Date => members.serialize_entry(name, &self.value::<NaiveDate, _>(place)?),
            Kind::Time => members.serialize_entry(name, &self.value::<NaiveTime, _>(place)?),
            Kind::DateTime => members.serialize_entry(name, &self.value::<NaiveDateTime, _>(place)?),
            Kind::Timestamp => members.serialize_entry(name, &self.value::<DateTime<Utc>, _>(place)?),
            Kind::Text => members.serialize_entry(name, &self.value::<&str, _>(place)?),
        }
    }

    fn value<'r, T, E>(&'r self, place: usize) -> Result<Option<T>, E>
    where
        T: sqlx::Decode<'r, sqlx::MySql> + sqlx::Type<sqlx::MySql>,
        E: serde::ser::Error,
    {
        self.0.try_get_unchecked(place).map_err(E::custom)
    }
}

fn kind_of(name: &str) -> Kind {
    match name {
        "BOOLEAN" => Kind::Truth,
        "DECIMAL" => Kind::Decimal,
        "FLOAT" | "DOUBLE" => Kind::Real,
        "DATE" => Kind::Date,
        "TIME" => Kind::Time,
        "DATETIME" => Kind::DateTime,
        "TIMESTAMP" => Kind::Timestamp,
        name if name.contains("INT") && name.ends_with("UNSIGNED") => Kind::Unsigned,
        name if name.contains("INT") => Kind::Signed,
        _ => Kind::Text,
    }
}
