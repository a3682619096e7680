// Gradle: implementation("io.github.centrifugal:centrifuge-java:0.7.0")
import io.github.centrifugal.centrifuge.*
import java.util.UUID
import java.util.concurrent.Executors
import java.util.concurrent.TimeUnit
import org.json.JSONObject

/** `accessToken` asks the REST API for an access token (login, later refresh). */
class Majlis(endpoint: String, accessToken: () -> String) {
    private val known = HashSet<String>()
    private val later = Executors.newSingleThreadScheduledExecutor()
    private val client: Client

    init {
        val options = Options()
        options.tokenGetter = object : ConnectionTokenGetter() {
            override fun getConnectionToken(event: ConnectionTokenEvent, callback: TokenCallback) {
                runCatching(accessToken).fold({ callback.Done(null, it) }, { callback.Done(it, "") })
            }
        }
        client = Client(endpoint, options, object : EventListener() {
            // user:{id} comes by itself.
            override fun onPublication(client: Client, event: ServerPublicationEvent) = hear(event.channel, event.data)

            override fun onSubscribed(client: Client, event: ServerSubscribedEvent) {
                if (event.wasRecovering() && !event.recovered) {
                    call("chat.sync", JSONObject().put("after_message_id", newestMessage())) { println("missed $it") }
                }
            }
        })
        client.connect()
    }

    fun enter(room: Long) {
        val subscription = client.newSubscription("room:$room", object : SubscriptionEventListener() {
            override fun onPublication(sub: Subscription, event: PublicationEvent) = hear(sub.channel, event.data)
        })
        subscription.subscribe()
    }

    /** Keep the message until it is acknowledged, and send the very same again where no answer came. */
    fun send(text: String, user: Long) {
        val message = JSONObject().put("client_id", UUID.randomUUID().toString()).put("user_id", user).put("body", text)
        call("chat.send_message", message) { println("acknowledged $it") }
    }

    private fun call(method: String, data: JSONObject, then: (JSONObject) -> Unit) {
        client.rpc(method, data.toString().toByteArray()) { error, result ->
            when {
                result != null -> then(JSONObject(String(result.data)))
                error is ReplyError && !error.isTemporary -> println("refused ${error.code} ${error.message}")
                else -> later.schedule({ call(method, data, then) }, 500, TimeUnit.MILLISECONDS)
            }
        }
    }

    private fun hear(channel: String, data: ByteArray) {
        val event = JSONObject(String(data))
        if (known.add(event.getString("id"))) println("$channel ${event.getString("type")} ${event.get("data")}")
    }

    private fun newestMessage(): Long = 0 // from the app's own store
}
