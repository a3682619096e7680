// Swift Package Manager: https://github.com/centrifugal/centrifuge-swift
import Foundation
import SwiftCentrifuge

final class Majlis: CentrifugeClientDelegate, CentrifugeSubscriptionDelegate {
    private var client: CentrifugeClient!
    private var known = Set<String>()

    /// `token` asks the REST API for an access token (login, later refresh).
    init(endpoint: String, token: @escaping CentrifugeConnectionTokenGetter) {
        let config = CentrifugeClientConfig(tokenGetter: token)
        client = CentrifugeClient(endpoint: endpoint, config: config, delegate: self)
        client.connect()
    }

    /// user:{id} comes by itself.
    func onPublication(_ client: CentrifugeClient, _ event: CentrifugeServerPublicationEvent) {
        hear(event.channel, event.data)
    }

    func onSubscribed(_ client: CentrifugeClient, _ event: CentrifugeServerSubscribedEvent) {
        if event.wasRecovering && !event.recovered {
            call("chat.sync", ["after_message_id": newestMessage()]) { print("missed", $0) }
        }
    }

    func enter(room: Int) throws {
        let subscription = try client.newSubscription(channel: "room:\(room)", delegate: self)
        subscription.subscribe()
    }

    func onPublication(_ sub: CentrifugeSubscription, _ event: CentrifugePublicationEvent) {
        hear(sub.channel, event.data)
    }

    /// Keep `message` until it is acknowledged, and send the very same again where no answer came.
    func send(_ text: String, to user: Int) {
        let message: [String: Any] = ["client_id": UUID().uuidString, "user_id": user, "body": text]
        call("chat.send_message", message) { print("acknowledged", $0) }
    }

    private func call(_ method: String, _ data: [String: Any], then: @escaping (Any) -> Void) {
        guard let body = try? JSONSerialization.data(withJSONObject: data) else { return }
        client.rpc(method: method, data: body) { [weak self] result in
            switch result {
            case .success(let answer):
                if let value = try? JSONSerialization.jsonObject(with: answer.data) { then(value) }
            case .failure(CentrifugeError.replyError(let code, let message, let temporary)) where !temporary:
                print("refused", code, message)
            case .failure:
                DispatchQueue.main.asyncAfter(deadline: .now() + 0.5) { self?.call(method, data, then: then) }
            }
        }
    }

    private func hear(_ channel: String, _ data: Data) {
        guard let event = try? JSONSerialization.jsonObject(with: data) as? [String: Any],
              let id = event["id"] as? String, known.insert(id).inserted else { return }
        print(channel, event["type"] ?? "", event["data"] ?? "")
    }

    private func newestMessage() -> Int { 0 } // from the app's own store
}
