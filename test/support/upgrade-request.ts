/** What a WebSocket client says first; the path is the one that listeners of the tests have. */
export const UPGRADE = [
  'GET /holdfast HTTP/1.1',
  'host: x',
  'upgrade: websocket',
  'connection: upgrade',
  'sec-websocket-version: 13',
  'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==',
  '',
  '',
].join('\r\n')
