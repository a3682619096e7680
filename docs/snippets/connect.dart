// pubspec.yaml: centrifuge: ^0.16.0, uuid: ^4.5.1
import 'dart:convert';

import 'package:centrifuge/centrifuge.dart';
import 'package:uuid/uuid.dart';

class Majlis {
  final Client client;
  final _known = <String>{};

  /// [token] asks the REST API for an access token (login, later refresh).
  Majlis(String endpoint, Future<String> Function() token)
      : client = createClient(endpoint, ClientConfig(getToken: (_) => token())) {
    // user:{id} comes by itself.
    client.publication.listen((event) => _hear(event.channel, event.data));
    client.subscribed.listen((event) async {
      if (event.wasRecovering && !event.recovered) {
        print('missed ${await call('chat.sync', {'after_message_id': newestMessage()})}');
      }
    });
    client.connect();
  }

  Future<void> enter(int room) async {
    final subscription = client.newSubscription('room:$room');
    subscription.publication.listen((event) => _hear(subscription.channel, event.data));
    await subscription.subscribe();
  }

  /// Keep the message until it is acknowledged, and send the very same again where no answer came.
  Future<void> send(String text, int user) async {
    final message = {'client_id': const Uuid().v4(), 'user_id': user, 'body': text};
    print('acknowledged ${await call('chat.send_message', message)}');
  }

  Future<dynamic> call(String method, Map<String, Object?> data) async {
    for (;;) {
      try {
        final result = await client.rpc(method, utf8.encode(jsonEncode(data)));
        return jsonDecode(utf8.decode(result.data));
      } on Error catch (error) {
        if (error.code >= 100 && !error.temporary) rethrow; // refused
      } catch (_) {
        // no answer
      }
      await Future<void>.delayed(const Duration(milliseconds: 500));
    }
  }

  void _hear(String channel, List<int> data) {
    final event = jsonDecode(utf8.decode(data)) as Map<String, dynamic>;
    if (_known.add(event['id'] as String)) print('$channel ${event['type']} ${event['data']}');
  }

  int newestMessage() => 0; // from the app's own store
}
