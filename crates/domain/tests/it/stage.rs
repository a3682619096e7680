//! A world with roles, the platform's wallet, money and rooms, and the checks that the ledger must always pass.

use base::Money;
use base::id::{GiftId, RoomId};
use bus::HistoryQuery;
use config::Settings;
use domain::{Actor, App};
use protocol::IdempotencyKey;
use protocol::channel::Channel;
use protocol::gifts::{Giftable, SendGift};
use protocol::rooms::{AccessType, CreateRoom, DurationType, PostMessage, RoomMessageType};
use protocol::wallet::{AdjustWallet, EntryType};
use serde_json::Value;

use crate::world::World;

/// See the module.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) app: App,
    admin: Actor,
}

/// A new key.
pub(crate) fn key() -> IdempotencyKey {
    uuid::Uuid::new_v4().to_string().parse().unwrap()
}

pub(crate) fn money(text: &str) -> Money {
    text.parse().unwrap()
}

/// A gift to the host of a room.
pub(crate) fn to_room(gift_id: GiftId, room_id: RoomId) -> SendGift {
    SendGift {
        client_id: key(),
        gift_id,
        giftable_type: Giftable::LiveRoom,
        giftable_id: room_id,
        receiver_id: None,
        quantity: 1,
        message: None,
    }
}

/// Some words.
pub(crate) fn words(room_id: RoomId, body: &str) -> PostMessage {
    PostMessage {
        client_id: key(),
        room_id,
        body: body.to_owned(),
        message_type: RoomMessageType::Text,
        parent_id: None,
    }
}

/// A room whose window is open all day, every day of a month.
pub(crate) fn open_room() -> CreateRoom {
    CreateRoom {
        title: "Majlis".to_owned(),
        description: None,
        category_id: None,
        cover_url: None,
        start_date: chrono::Utc::now().format("%Y-%m-%d").to_string(),
        duration_type: DurationType::Month,
        start_time: "00:00".to_owned(),
        end_time: "23:59:59".to_owned(),
        timezone: Some("UTC".to_owned()),
        access_type: AccessType::Free,
        price: Money::ZERO,
        max_participants: None,
    }
}

/// As [`open_room`], for money.
pub(crate) fn paid_room(price: &str) -> CreateRoom {
    CreateRoom { access_type: AccessType::Paid, price: money(price), ..open_room() }
}

impl Stage {
    /// Rate limits off.
    pub(crate) async fn new() -> Self {
        Self::with(|settings| settings.limits.enabled = false).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let world = World::with(change).await;
        let app = world.app.clone();
        domain::system::install_roles(&app).await.unwrap();
        domain::system::ensure_platform(&app).await.unwrap();
        let admin = world.user("admin").await.1;
        let stage = Self { world, app, admin };
        stage.appoint(&stage.admin, "admin").await;
        stage
    }

    /// Holds every permission.
    pub(crate) fn admin(&self) -> &Actor {
        &self.admin
    }

    pub(crate) async fn person(&self, name: &str) -> Actor {
        self.world.user(name).await.1
    }

    /// Somebody with money.
    pub(crate) async fn rich(&self, name: &str, amount: &str) -> Actor {
        let actor = self.person(name).await;
        let input = AdjustWallet {
            client_id: key(),
            user_id: actor.user_id(),
            amount: money(amount),
            direction: EntryType::Credit,
            reason: "pocket money".to_owned(),
        };
        domain::wallet::adjust_wallet(&self.app, &self.admin, input).await.unwrap();
        actor
    }

    pub(crate) async fn appoint(&self, actor: &Actor, role: &str) {
        let mut conn = self.app.store.reader().await.unwrap();
        store::permissions::insert_user_role(&mut conn, actor.user_id(), role, r"App\Models\User")
            .await
            .unwrap();
    }

    /// A speaker and a room of theirs, `scheduled`.
    pub(crate) async fn announced(&self, host: &str, input: CreateRoom) -> (Actor, RoomId) {
        let host = self.person(host).await;
        self.appoint(&host, "speaker").await;
        let room = domain::rooms::create_room(&self.app, &host, input).await.unwrap();
        (host, room.id)
    }

    /// A speaker and a room of theirs, `active`.
    pub(crate) async fn live(&self, host: &str, input: CreateRoom) -> (Actor, RoomId) {
        let (host, room_id) = self.announced(host, input).await;
        domain::rooms::start_room(&self.app, &host, room_id).await.unwrap();
        (host, room_id)
    }

    pub(crate) async fn gift(&self, name: &str, price: &str) -> GiftId {
        self.run(&format!("INSERT INTO gifts (name, icon, price) VALUES ('{name}', 'icon.png', {price})"))
            .await;
        let id = self.count(&format!("SELECT id * 1 FROM gifts WHERE name = '{name}'")).await;
        u64::try_from(id).unwrap()
    }

    pub(crate) async fn balance(&self, actor: &Actor) -> String {
        domain::wallet::find_wallet(&self.app, actor).await.unwrap().balance.to_string()
    }

    pub(crate) async fn run(&self, sql: &str) -> u64 {
        self.world.database.execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    pub(crate) async fn count(&self, sql: &str) -> i64 {
        let sql = format!("SELECT CAST(({sql}) AS SIGNED)");
        self.world.database.number(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    pub(crate) async fn text(&self, sql: &str) -> String {
        let found = self.world.database.text(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        found.unwrap_or_default()
    }

    /// What a channel's listeners heard so far.
    pub(crate) async fn heard(&self, channel: Channel) -> Vec<Value> {
        let query = HistoryQuery { since: None, limit: 1_000, reverse: false };
        let history = self.app.bus.history(&channel.to_string(), &query).await.unwrap();
        history.publications.iter().map(|(_, payload)| serde_json::from_slice(payload).unwrap()).collect()
    }

    /// Of one type.
    pub(crate) async fn heard_of(&self, channel: Channel, event: &str) -> Vec<Value> {
        let all = self.heard(channel).await;
        all.into_iter().filter(|heard| heard["type"] == event).map(|heard| heard["data"].clone()).collect()
    }

    /// The invariants hold.
    pub(crate) async fn assert_ledger_holds(&self) {
        assert_eq!(self.broken_invariants().await, [""; 0]);
    }

    /// The invariants of domain.md §12 that do not hold: each is a query that must give no row.
    pub(crate) async fn broken_invariants(&self) -> Vec<&'static str> {
        let mut conn = self.app.store.reader().await.unwrap();
        let found = store::ledger_checks::list_findings(&mut conn).await.unwrap();
        drop(conn);
        let mut broken: Vec<&'static str> = found.into_iter().map(|finding| finding.check).collect();
        let checks = [
            (
                "I-G1 price",
                "SELECT g.id FROM gift_transactions g JOIN gifts c ON c.id = g.gift_id \
                 WHERE g.total_price <> c.price * g.quantity"
                    .to_owned(),
            ),
            (
                "I-R1",
                "SELECT r.id FROM live_rooms r WHERE r.max_participants < (SELECT COUNT(*) FROM \
                 live_room_registrations s WHERE s.live_room_id = r.id AND s.status IN ('registered', 'attended'))"
                    .to_owned(),
            ),
            (
                "I-R2",
                "SELECT id FROM live_rooms WHERE (status = 'active') <> (current_jitsi_room_id IS NOT NULL)".to_owned(),
            ),
            (
                "I-R4",
                "SELECT m.id FROM live_room_messages m JOIN live_room_messages p ON p.id = m.parent_id \
                 WHERE p.live_room_id <> m.live_room_id"
                    .to_owned(),
            ),
            (
                "I-R4 count",
                "SELECT m.id FROM live_room_messages m WHERE m.reactions_count <> (SELECT COUNT(*) FROM reactions r \
                 WHERE r.reactable_id = m.id AND r.reactable_type IN ('live_room_message', \
                 'App\\\\Models\\\\LiveRoomMessage'))"
                    .to_owned(),
            ),
            ("I-O1", "SELECT id FROM hub_outbox WHERE published_at IS NULL".to_owned()),
        ];
        for (name, check) in checks {
            if self.count(&format!("SELECT COUNT(*) FROM ({check}) broken")).await > 0 {
                broken.push(name);
            }
        }
        broken
    }
}

/// Statements that the connections of a pool of four have run.
pub(crate) async fn statements(app: &App) -> u64 {
    let mut conns = Vec::new();
    for _ in 0..4 {
        conns.push(app.store.reader().await.unwrap());
    }
    let mut sum = 0;
    for conn in &mut conns {
        sum += store::testing::session_counter(conn, "Questions").await.unwrap();
    }
    sum
}
