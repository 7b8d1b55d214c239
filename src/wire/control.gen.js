/*eslint-disable block-scoped-var, id-length, no-control-regex, no-magic-numbers, no-mixed-operators, no-prototype-builtins, no-redeclare, no-shadow, no-var, sort-vars, default-case, jsdoc/require-param*/
import $protobuf from "protobufjs/minimal.js";

// Common aliases
const $Reader = $protobuf.Reader, $Writer = $protobuf.Writer, $util = $protobuf.util;
const $Object = $util.global.Object, $undefined = $util.global.undefined, $Error = $util.global.Error, $RangeError = $util.global.RangeError;

// Exported root namespace
const $root = $protobuf.roots["default"] || ($protobuf.roots["default"] = {});

export const holdfast = $root.holdfast = (() => {

    /**
     * Namespace holdfast.
     * @exports holdfast
     * @namespace
     */
    const holdfast = {};

    holdfast.v1 = (function() {

        /**
         * Namespace v1.
         * @memberof holdfast
         * @namespace
         */
        const v1 = {};

        v1.Control = (function() {

            /**
             * Properties of a Control.
             * @typedef {Object} holdfast.v1.Control.$Properties
             * @property {holdfast.v1.Hello.$Properties|null} [hello] Control hello
             * @property {holdfast.v1.Migrate.$Properties|null} [migrate] Control migrate
             * @property {holdfast.v1.MigrateAck.$Properties|null} [migrateAck] Control migrateAck
             * @property {holdfast.v1.EndpointUpdate.$Properties|null} [endpointUpdate] Control endpointUpdate
             * @property {holdfast.v1.Ping.$Properties|null} [ping] Control ping
             * @property {holdfast.v1.Pong.$Properties|null} [pong] Control pong
             * @property {holdfast.v1.Drain.$Properties|null} [drain] Control drain
             * @property {holdfast.v1.Goodbye.$Properties|null} [goodbye] Control goodbye
             * @property {"hello"|"migrate"|"migrateAck"|"endpointUpdate"|"ping"|"pong"|"drain"|"goodbye"} [message] Control message
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a Control.
             * @memberof holdfast.v1
             * @interface IControl
             * @augments holdfast.v1.Control.$Properties
             * @deprecated Use holdfast.v1.Control.$Properties instead.
             */

            /**
             * Narrowed shape of a Control.
             * @typedef {{
             *   hello?: holdfast.v1.Hello.$Shape|null;
             *   migrate?: holdfast.v1.Migrate.$Shape|null;
             *   migrateAck?: holdfast.v1.MigrateAck.$Shape|null;
             *   endpointUpdate?: holdfast.v1.EndpointUpdate.$Shape|null;
             *   ping?: holdfast.v1.Ping.$Shape|null;
             *   pong?: holdfast.v1.Pong.$Shape|null;
             *   drain?: holdfast.v1.Drain.$Shape|null;
             *   goodbye?: holdfast.v1.Goodbye.$Shape|null;
             *   $unknowns?: Array.<Uint8Array>;
             * } & (
             *   ({ message?: undefined; hello?: null; migrate?: null; migrateAck?: null; endpointUpdate?: null; ping?: null; pong?: null; drain?: null; goodbye?: null }|{ message?: "hello"; hello: holdfast.v1.Hello.$Shape; migrate?: null; migrateAck?: null; endpointUpdate?: null; ping?: null; pong?: null; drain?: null; goodbye?: null }|{ message?: "migrate"; hello?: null; migrate: holdfast.v1.Migrate.$Shape; migrateAck?: null; endpointUpdate?: null; ping?: null; pong?: null; drain?: null; goodbye?: null }|{ message?: "migrateAck"; hello?: null; migrate?: null; migrateAck: holdfast.v1.MigrateAck.$Shape; endpointUpdate?: null; ping?: null; pong?: null; drain?: null; goodbye?: null }|{ message?: "endpointUpdate"; hello?: null; migrate?: null; migrateAck?: null; endpointUpdate: holdfast.v1.EndpointUpdate.$Shape; ping?: null; pong?: null; drain?: null; goodbye?: null }|{ message?: "ping"; hello?: null; migrate?: null; migrateAck?: null; endpointUpdate?: null; ping: holdfast.v1.Ping.$Shape; pong?: null; drain?: null; goodbye?: null }|{ message?: "pong"; hello?: null; migrate?: null; migrateAck?: null; endpointUpdate?: null; ping?: null; pong: holdfast.v1.Pong.$Shape; drain?: null; goodbye?: null }|{ message?: "drain"; hello?: null; migrate?: null; migrateAck?: null; endpointUpdate?: null; ping?: null; pong?: null; drain: holdfast.v1.Drain.$Shape; goodbye?: null }|{ message?: "goodbye"; hello?: null; migrate?: null; migrateAck?: null; endpointUpdate?: null; ping?: null; pong?: null; drain?: null; goodbye: holdfast.v1.Goodbye.$Shape })
             * )} holdfast.v1.Control.$Shape
             */

            /**
             * Constructs a new Control.
             * @memberof holdfast.v1
             * @classdesc Represents a Control.
             * @constructor
             * @param {holdfast.v1.Control.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Control = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Control hello.
             * @member {holdfast.v1.Hello.$Properties|null|undefined} hello
             * @memberof holdfast.v1.Control
             * @instance
             */
            Control.prototype.hello = null;

            /**
             * Control migrate.
             * @member {holdfast.v1.Migrate.$Properties|null|undefined} migrate
             * @memberof holdfast.v1.Control
             * @instance
             */
            Control.prototype.migrate = null;

            /**
             * Control migrateAck.
             * @member {holdfast.v1.MigrateAck.$Properties|null|undefined} migrateAck
             * @memberof holdfast.v1.Control
             * @instance
             */
            Control.prototype.migrateAck = null;

            /**
             * Control endpointUpdate.
             * @member {holdfast.v1.EndpointUpdate.$Properties|null|undefined} endpointUpdate
             * @memberof holdfast.v1.Control
             * @instance
             */
            Control.prototype.endpointUpdate = null;

            /**
             * Control ping.
             * @member {holdfast.v1.Ping.$Properties|null|undefined} ping
             * @memberof holdfast.v1.Control
             * @instance
             */
            Control.prototype.ping = null;

            /**
             * Control pong.
             * @member {holdfast.v1.Pong.$Properties|null|undefined} pong
             * @memberof holdfast.v1.Control
             * @instance
             */
            Control.prototype.pong = null;

            /**
             * Control drain.
             * @member {holdfast.v1.Drain.$Properties|null|undefined} drain
             * @memberof holdfast.v1.Control
             * @instance
             */
            Control.prototype.drain = null;

            /**
             * Control goodbye.
             * @member {holdfast.v1.Goodbye.$Properties|null|undefined} goodbye
             * @memberof holdfast.v1.Control
             * @instance
             */
            Control.prototype.goodbye = null;

            // OneOf field names bound to virtual getters and setters
            let $oneOfFields;

            /**
             * Control message.
             * @member {"hello"|"migrate"|"migrateAck"|"endpointUpdate"|"ping"|"pong"|"drain"|"goodbye"|undefined} message
             * @memberof holdfast.v1.Control
             * @instance
             */
            $Object.defineProperty(Control.prototype, "message", {
                get: $util.oneOfGetter($oneOfFields = ["hello", "migrate", "migrateAck", "endpointUpdate", "ping", "pong", "drain", "goodbye"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            /**
             * Encodes the specified Control message. Does not implicitly {@link holdfast.v1.Control.verify|verify} messages.
             * @function encode
             * @memberof holdfast.v1.Control
             * @static
             * @param {holdfast.v1.Control.$Properties} message Control message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Control.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.hello != null && $Object.hasOwnProperty.call(message, "hello"))
                    $root.holdfast.v1.Hello.encode(message.hello, writer.uint32(/* id 1, wireType 2 =*/10).fork(), _depth + 1).ldelim();
                if (message.migrate != null && $Object.hasOwnProperty.call(message, "migrate"))
                    $root.holdfast.v1.Migrate.encode(message.migrate, writer.uint32(/* id 2, wireType 2 =*/18).fork(), _depth + 1).ldelim();
                if (message.migrateAck != null && $Object.hasOwnProperty.call(message, "migrateAck"))
                    $root.holdfast.v1.MigrateAck.encode(message.migrateAck, writer.uint32(/* id 3, wireType 2 =*/26).fork(), _depth + 1).ldelim();
                if (message.endpointUpdate != null && $Object.hasOwnProperty.call(message, "endpointUpdate"))
                    $root.holdfast.v1.EndpointUpdate.encode(message.endpointUpdate, writer.uint32(/* id 4, wireType 2 =*/34).fork(), _depth + 1).ldelim();
                if (message.ping != null && $Object.hasOwnProperty.call(message, "ping"))
                    $root.holdfast.v1.Ping.encode(message.ping, writer.uint32(/* id 5, wireType 2 =*/42).fork(), _depth + 1).ldelim();
                if (message.pong != null && $Object.hasOwnProperty.call(message, "pong"))
                    $root.holdfast.v1.Pong.encode(message.pong, writer.uint32(/* id 6, wireType 2 =*/50).fork(), _depth + 1).ldelim();
                if (message.drain != null && $Object.hasOwnProperty.call(message, "drain"))
                    $root.holdfast.v1.Drain.encode(message.drain, writer.uint32(/* id 7, wireType 2 =*/58).fork(), _depth + 1).ldelim();
                if (message.goodbye != null && $Object.hasOwnProperty.call(message, "goodbye"))
                    $root.holdfast.v1.Goodbye.encode(message.goodbye, writer.uint32(/* id 8, wireType 2 =*/66).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a Control message from the specified reader or buffer.
             * @function decode
             * @memberof holdfast.v1.Control
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {holdfast.v1.Control & holdfast.v1.Control.$Shape} Control
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Control.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.holdfast.v1.Control();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            message.hello = $root.holdfast.v1.Hello.decode(reader, reader.size(), $undefined, _depth + 1, message.hello);
                            message.message = "hello";
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            message.migrate = $root.holdfast.v1.Migrate.decode(reader, reader.size(), $undefined, _depth + 1, message.migrate);
                            message.message = "migrate";
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            message.migrateAck = $root.holdfast.v1.MigrateAck.decode(reader, reader.size(), $undefined, _depth + 1, message.migrateAck);
                            message.message = "migrateAck";
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            message.endpointUpdate = $root.holdfast.v1.EndpointUpdate.decode(reader, reader.size(), $undefined, _depth + 1, message.endpointUpdate);
                            message.message = "endpointUpdate";
                            continue;
                        }
                    case 5: {
                            if (wireType !== 2)
                                break;
                            message.ping = $root.holdfast.v1.Ping.decode(reader, reader.size(), $undefined, _depth + 1, message.ping);
                            message.message = "ping";
                            continue;
                        }
                    case 6: {
                            if (wireType !== 2)
                                break;
                            message.pong = $root.holdfast.v1.Pong.decode(reader, reader.size(), $undefined, _depth + 1, message.pong);
                            message.message = "pong";
                            continue;
                        }
                    case 7: {
                            if (wireType !== 2)
                                break;
                            message.drain = $root.holdfast.v1.Drain.decode(reader, reader.size(), $undefined, _depth + 1, message.drain);
                            message.message = "drain";
                            continue;
                        }
                    case 8: {
                            if (wireType !== 2)
                                break;
                            message.goodbye = $root.holdfast.v1.Goodbye.decode(reader, reader.size(), $undefined, _depth + 1, message.goodbye);
                            message.message = "goodbye";
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Control;
        })();

        v1.Hello = (function() {

            /**
             * Properties of a Hello.
             * @typedef {Object} holdfast.v1.Hello.$Properties
             * @property {Uint8Array|null} [incarnation] Hello incarnation
             * @property {Uint8Array|null} [knownIncarnation] Hello knownIncarnation
             * @property {number|null} [sessionsMax] Hello sessionsMax
             * @property {number|null} [holdSeconds] Hello holdSeconds
             * @property {number|null} [features] Hello features
             * @property {Array.<string>|null} [endpoints] Hello endpoints
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a Hello.
             * @memberof holdfast.v1
             * @interface IHello
             * @augments holdfast.v1.Hello.$Properties
             * @deprecated Use holdfast.v1.Hello.$Properties instead.
             */

            /**
             * Shape of a Hello.
             * @typedef {holdfast.v1.Hello.$Properties} holdfast.v1.Hello.$Shape
             */

            /**
             * Constructs a new Hello.
             * @memberof holdfast.v1
             * @classdesc Represents a Hello.
             * @constructor
             * @param {holdfast.v1.Hello.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Hello = function (properties) {
                this.endpoints = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Hello incarnation.
             * @member {Uint8Array} incarnation
             * @memberof holdfast.v1.Hello
             * @instance
             */
            Hello.prototype.incarnation = $util.newBuffer([]);

            /**
             * Hello knownIncarnation.
             * @member {Uint8Array} knownIncarnation
             * @memberof holdfast.v1.Hello
             * @instance
             */
            Hello.prototype.knownIncarnation = $util.newBuffer([]);

            /**
             * Hello sessionsMax.
             * @member {number} sessionsMax
             * @memberof holdfast.v1.Hello
             * @instance
             */
            Hello.prototype.sessionsMax = 0;

            /**
             * Hello holdSeconds.
             * @member {number} holdSeconds
             * @memberof holdfast.v1.Hello
             * @instance
             */
            Hello.prototype.holdSeconds = 0;

            /**
             * Hello features.
             * @member {number} features
             * @memberof holdfast.v1.Hello
             * @instance
             */
            Hello.prototype.features = 0;

            /**
             * Hello endpoints.
             * @member {Array.<string>} endpoints
             * @memberof holdfast.v1.Hello
             * @instance
             */
            Hello.prototype.endpoints = $util.emptyArray;

            /**
             * Encodes the specified Hello message. Does not implicitly {@link holdfast.v1.Hello.verify|verify} messages.
             * @function encode
             * @memberof holdfast.v1.Hello
             * @static
             * @param {holdfast.v1.Hello.$Properties} message Hello message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Hello.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.incarnation != null && $Object.hasOwnProperty.call(message, "incarnation") && message.incarnation.length)
                    writer.uint32(/* id 1, wireType 2 =*/10).bytes(message.incarnation);
                if (message.knownIncarnation != null && $Object.hasOwnProperty.call(message, "knownIncarnation") && message.knownIncarnation.length)
                    writer.uint32(/* id 2, wireType 2 =*/18).bytes(message.knownIncarnation);
                if (message.sessionsMax != null && $Object.hasOwnProperty.call(message, "sessionsMax") && message.sessionsMax !== 0)
                    writer.uint32(/* id 3, wireType 0 =*/24).uint32(message.sessionsMax);
                if (message.holdSeconds != null && $Object.hasOwnProperty.call(message, "holdSeconds") && message.holdSeconds !== 0)
                    writer.uint32(/* id 4, wireType 0 =*/32).uint32(message.holdSeconds);
                if (message.features != null && $Object.hasOwnProperty.call(message, "features") && message.features !== 0)
                    writer.uint32(/* id 5, wireType 0 =*/40).uint32(message.features);
                if (message.endpoints != null && message.endpoints.length)
                    for (let i = 0; i < message.endpoints.length; ++i)
                        writer.uint32(/* id 6, wireType 2 =*/50).string(message.endpoints[i]);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a Hello message from the specified reader or buffer.
             * @function decode
             * @memberof holdfast.v1.Hello
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {holdfast.v1.Hello & holdfast.v1.Hello.$Shape} Hello
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Hello.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.holdfast.v1.Hello();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.bytes()).length)
                                message.incarnation = value;
                            else
                                delete message.incarnation;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.bytes()).length)
                                message.knownIncarnation = value;
                            else
                                delete message.knownIncarnation;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.sessionsMax = value;
                            else
                                delete message.sessionsMax;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.holdSeconds = value;
                            else
                                delete message.holdSeconds;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.features = value;
                            else
                                delete message.features;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 2)
                                break;
                            if (!(message.endpoints && message.endpoints.length))
                                message.endpoints = [];
                            message.endpoints.push(reader.stringVerify());
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Hello;
        })();

        /**
         * MigrateReason enum.
         * @name holdfast.v1.MigrateReason
         * @enum {number}
         * @property {number} MIGRATE_REASON_UNSPECIFIED=0 MIGRATE_REASON_UNSPECIFIED value
         * @property {number} MIGRATE_REASON_FIRST=1 MIGRATE_REASON_FIRST value
         * @property {number} MIGRATE_REASON_GONE=2 MIGRATE_REASON_GONE value
         * @property {number} MIGRATE_REASON_BETTER=3 MIGRATE_REASON_BETTER value
         * @property {number} MIGRATE_REASON_DOUBT=4 MIGRATE_REASON_DOUBT value
         * @property {number} MIGRATE_REASON_COMMAND=5 MIGRATE_REASON_COMMAND value
         * @property {number} MIGRATE_REASON_REKEY=6 MIGRATE_REASON_REKEY value
         */
        v1.MigrateReason = (function() {
            const valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "MIGRATE_REASON_UNSPECIFIED"] = 0;
            values[valuesById[1] = "MIGRATE_REASON_FIRST"] = 1;
            values[valuesById[2] = "MIGRATE_REASON_GONE"] = 2;
            values[valuesById[3] = "MIGRATE_REASON_BETTER"] = 3;
            values[valuesById[4] = "MIGRATE_REASON_DOUBT"] = 4;
            values[valuesById[5] = "MIGRATE_REASON_COMMAND"] = 5;
            values[valuesById[6] = "MIGRATE_REASON_REKEY"] = 6;
            return values;
        })();

        v1.Migrate = (function() {

            /**
             * Properties of a Migrate.
             * @typedef {Object} holdfast.v1.Migrate.$Properties
             * @property {number|null} [epoch] Migrate epoch
             * @property {holdfast.v1.MigrateReason|null} [reason] Migrate reason
             * @property {Array.<string>|null} [endpoints] Migrate endpoints
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a Migrate.
             * @memberof holdfast.v1
             * @interface IMigrate
             * @augments holdfast.v1.Migrate.$Properties
             * @deprecated Use holdfast.v1.Migrate.$Properties instead.
             */

            /**
             * Shape of a Migrate.
             * @typedef {holdfast.v1.Migrate.$Properties} holdfast.v1.Migrate.$Shape
             */

            /**
             * Constructs a new Migrate.
             * @memberof holdfast.v1
             * @classdesc Represents a Migrate.
             * @constructor
             * @param {holdfast.v1.Migrate.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Migrate = function (properties) {
                this.endpoints = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Migrate epoch.
             * @member {number} epoch
             * @memberof holdfast.v1.Migrate
             * @instance
             */
            Migrate.prototype.epoch = 0;

            /**
             * Migrate reason.
             * @member {holdfast.v1.MigrateReason} reason
             * @memberof holdfast.v1.Migrate
             * @instance
             */
            Migrate.prototype.reason = 0;

            /**
             * Migrate endpoints.
             * @member {Array.<string>} endpoints
             * @memberof holdfast.v1.Migrate
             * @instance
             */
            Migrate.prototype.endpoints = $util.emptyArray;

            /**
             * Encodes the specified Migrate message. Does not implicitly {@link holdfast.v1.Migrate.verify|verify} messages.
             * @function encode
             * @memberof holdfast.v1.Migrate
             * @static
             * @param {holdfast.v1.Migrate.$Properties} message Migrate message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Migrate.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.epoch != null && $Object.hasOwnProperty.call(message, "epoch") && message.epoch !== 0)
                    writer.uint32(/* id 1, wireType 0 =*/8).uint32(message.epoch);
                if (message.reason != null && $Object.hasOwnProperty.call(message, "reason") && message.reason !== 0)
                    writer.uint32(/* id 2, wireType 0 =*/16).int32(message.reason);
                if (message.endpoints != null && message.endpoints.length)
                    for (let i = 0; i < message.endpoints.length; ++i)
                        writer.uint32(/* id 3, wireType 2 =*/26).string(message.endpoints[i]);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a Migrate message from the specified reader or buffer.
             * @function decode
             * @memberof holdfast.v1.Migrate
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {holdfast.v1.Migrate & holdfast.v1.Migrate.$Shape} Migrate
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Migrate.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.holdfast.v1.Migrate();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.epoch = value;
                            else
                                delete message.epoch;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.reason = value;
                            else
                                delete message.reason;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if (!(message.endpoints && message.endpoints.length))
                                message.endpoints = [];
                            message.endpoints.push(reader.stringVerify());
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Migrate;
        })();

        v1.MigrateAck = (function() {

            /**
             * Properties of a MigrateAck.
             * @typedef {Object} holdfast.v1.MigrateAck.$Properties
             * @property {number|null} [epoch] MigrateAck epoch
             * @property {boolean|null} [accepted] MigrateAck accepted
             * @property {number|null} [greatestEpoch] MigrateAck greatestEpoch
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a MigrateAck.
             * @memberof holdfast.v1
             * @interface IMigrateAck
             * @augments holdfast.v1.MigrateAck.$Properties
             * @deprecated Use holdfast.v1.MigrateAck.$Properties instead.
             */

            /**
             * Shape of a MigrateAck.
             * @typedef {holdfast.v1.MigrateAck.$Properties} holdfast.v1.MigrateAck.$Shape
             */

            /**
             * Constructs a new MigrateAck.
             * @memberof holdfast.v1
             * @classdesc Represents a MigrateAck.
             * @constructor
             * @param {holdfast.v1.MigrateAck.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const MigrateAck = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * MigrateAck epoch.
             * @member {number} epoch
             * @memberof holdfast.v1.MigrateAck
             * @instance
             */
            MigrateAck.prototype.epoch = 0;

            /**
             * MigrateAck accepted.
             * @member {boolean} accepted
             * @memberof holdfast.v1.MigrateAck
             * @instance
             */
            MigrateAck.prototype.accepted = false;

            /**
             * MigrateAck greatestEpoch.
             * @member {number} greatestEpoch
             * @memberof holdfast.v1.MigrateAck
             * @instance
             */
            MigrateAck.prototype.greatestEpoch = 0;

            /**
             * Encodes the specified MigrateAck message. Does not implicitly {@link holdfast.v1.MigrateAck.verify|verify} messages.
             * @function encode
             * @memberof holdfast.v1.MigrateAck
             * @static
             * @param {holdfast.v1.MigrateAck.$Properties} message MigrateAck message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            MigrateAck.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.epoch != null && $Object.hasOwnProperty.call(message, "epoch") && message.epoch !== 0)
                    writer.uint32(/* id 1, wireType 0 =*/8).uint32(message.epoch);
                if (message.accepted != null && $Object.hasOwnProperty.call(message, "accepted") && message.accepted !== false)
                    writer.uint32(/* id 2, wireType 0 =*/16).bool(message.accepted);
                if (message.greatestEpoch != null && $Object.hasOwnProperty.call(message, "greatestEpoch") && message.greatestEpoch !== 0)
                    writer.uint32(/* id 3, wireType 0 =*/24).uint32(message.greatestEpoch);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a MigrateAck message from the specified reader or buffer.
             * @function decode
             * @memberof holdfast.v1.MigrateAck
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {holdfast.v1.MigrateAck & holdfast.v1.MigrateAck.$Shape} MigrateAck
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            MigrateAck.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.holdfast.v1.MigrateAck();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.epoch = value;
                            else
                                delete message.epoch;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.accepted = value;
                            else
                                delete message.accepted;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.greatestEpoch = value;
                            else
                                delete message.greatestEpoch;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return MigrateAck;
        })();

        v1.EndpointUpdate = (function() {

            /**
             * Properties of an EndpointUpdate.
             * @typedef {Object} holdfast.v1.EndpointUpdate.$Properties
             * @property {Array.<string>|null} [endpoints] EndpointUpdate endpoints
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of an EndpointUpdate.
             * @memberof holdfast.v1
             * @interface IEndpointUpdate
             * @augments holdfast.v1.EndpointUpdate.$Properties
             * @deprecated Use holdfast.v1.EndpointUpdate.$Properties instead.
             */

            /**
             * Shape of an EndpointUpdate.
             * @typedef {holdfast.v1.EndpointUpdate.$Properties} holdfast.v1.EndpointUpdate.$Shape
             */

            /**
             * Constructs a new EndpointUpdate.
             * @memberof holdfast.v1
             * @classdesc Represents an EndpointUpdate.
             * @constructor
             * @param {holdfast.v1.EndpointUpdate.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const EndpointUpdate = function (properties) {
                this.endpoints = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * EndpointUpdate endpoints.
             * @member {Array.<string>} endpoints
             * @memberof holdfast.v1.EndpointUpdate
             * @instance
             */
            EndpointUpdate.prototype.endpoints = $util.emptyArray;

            /**
             * Encodes the specified EndpointUpdate message. Does not implicitly {@link holdfast.v1.EndpointUpdate.verify|verify} messages.
             * @function encode
             * @memberof holdfast.v1.EndpointUpdate
             * @static
             * @param {holdfast.v1.EndpointUpdate.$Properties} message EndpointUpdate message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            EndpointUpdate.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.endpoints != null && message.endpoints.length)
                    for (let i = 0; i < message.endpoints.length; ++i)
                        writer.uint32(/* id 1, wireType 2 =*/10).string(message.endpoints[i]);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes an EndpointUpdate message from the specified reader or buffer.
             * @function decode
             * @memberof holdfast.v1.EndpointUpdate
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {holdfast.v1.EndpointUpdate & holdfast.v1.EndpointUpdate.$Shape} EndpointUpdate
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            EndpointUpdate.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.holdfast.v1.EndpointUpdate();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if (!(message.endpoints && message.endpoints.length))
                                message.endpoints = [];
                            message.endpoints.push(reader.stringVerify());
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return EndpointUpdate;
        })();

        v1.Ping = (function() {

            /**
             * Properties of a Ping.
             * @typedef {Object} holdfast.v1.Ping.$Properties
             * @property {number|null} [id] Ping id
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a Ping.
             * @memberof holdfast.v1
             * @interface IPing
             * @augments holdfast.v1.Ping.$Properties
             * @deprecated Use holdfast.v1.Ping.$Properties instead.
             */

            /**
             * Shape of a Ping.
             * @typedef {holdfast.v1.Ping.$Properties} holdfast.v1.Ping.$Shape
             */

            /**
             * Constructs a new Ping.
             * @memberof holdfast.v1
             * @classdesc Represents a Ping.
             * @constructor
             * @param {holdfast.v1.Ping.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Ping = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Ping id.
             * @member {number} id
             * @memberof holdfast.v1.Ping
             * @instance
             */
            Ping.prototype.id = 0;

            /**
             * Encodes the specified Ping message. Does not implicitly {@link holdfast.v1.Ping.verify|verify} messages.
             * @function encode
             * @memberof holdfast.v1.Ping
             * @static
             * @param {holdfast.v1.Ping.$Properties} message Ping message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Ping.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.id != null && $Object.hasOwnProperty.call(message, "id") && message.id !== 0)
                    writer.uint32(/* id 1, wireType 0 =*/8).uint32(message.id);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a Ping message from the specified reader or buffer.
             * @function decode
             * @memberof holdfast.v1.Ping
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {holdfast.v1.Ping & holdfast.v1.Ping.$Shape} Ping
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Ping.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.holdfast.v1.Ping();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.id = value;
                            else
                                delete message.id;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Ping;
        })();

        v1.Pong = (function() {

            /**
             * Properties of a Pong.
             * @typedef {Object} holdfast.v1.Pong.$Properties
             * @property {number|null} [id] Pong id
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a Pong.
             * @memberof holdfast.v1
             * @interface IPong
             * @augments holdfast.v1.Pong.$Properties
             * @deprecated Use holdfast.v1.Pong.$Properties instead.
             */

            /**
             * Shape of a Pong.
             * @typedef {holdfast.v1.Pong.$Properties} holdfast.v1.Pong.$Shape
             */

            /**
             * Constructs a new Pong.
             * @memberof holdfast.v1
             * @classdesc Represents a Pong.
             * @constructor
             * @param {holdfast.v1.Pong.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Pong = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Pong id.
             * @member {number} id
             * @memberof holdfast.v1.Pong
             * @instance
             */
            Pong.prototype.id = 0;

            /**
             * Encodes the specified Pong message. Does not implicitly {@link holdfast.v1.Pong.verify|verify} messages.
             * @function encode
             * @memberof holdfast.v1.Pong
             * @static
             * @param {holdfast.v1.Pong.$Properties} message Pong message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Pong.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.id != null && $Object.hasOwnProperty.call(message, "id") && message.id !== 0)
                    writer.uint32(/* id 1, wireType 0 =*/8).uint32(message.id);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a Pong message from the specified reader or buffer.
             * @function decode
             * @memberof holdfast.v1.Pong
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {holdfast.v1.Pong & holdfast.v1.Pong.$Shape} Pong
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Pong.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.holdfast.v1.Pong();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.id = value;
                            else
                                delete message.id;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Pong;
        })();

        v1.Drain = (function() {

            /**
             * Properties of a Drain.
             * @typedef {Object} holdfast.v1.Drain.$Properties
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a Drain.
             * @memberof holdfast.v1
             * @interface IDrain
             * @augments holdfast.v1.Drain.$Properties
             * @deprecated Use holdfast.v1.Drain.$Properties instead.
             */

            /**
             * Shape of a Drain.
             * @typedef {holdfast.v1.Drain.$Properties} holdfast.v1.Drain.$Shape
             */

            /**
             * Constructs a new Drain.
             * @memberof holdfast.v1
             * @classdesc Represents a Drain.
             * @constructor
             * @param {holdfast.v1.Drain.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Drain = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Encodes the specified Drain message. Does not implicitly {@link holdfast.v1.Drain.verify|verify} messages.
             * @function encode
             * @memberof holdfast.v1.Drain
             * @static
             * @param {holdfast.v1.Drain.$Properties} message Drain message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Drain.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a Drain message from the specified reader or buffer.
             * @function decode
             * @memberof holdfast.v1.Drain
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {holdfast.v1.Drain & holdfast.v1.Drain.$Shape} Drain
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Drain.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.holdfast.v1.Drain();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    reader.skipType(tag & 7, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Drain;
        })();

        v1.Goodbye = (function() {

            /**
             * Properties of a Goodbye.
             * @typedef {Object} holdfast.v1.Goodbye.$Properties
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a Goodbye.
             * @memberof holdfast.v1
             * @interface IGoodbye
             * @augments holdfast.v1.Goodbye.$Properties
             * @deprecated Use holdfast.v1.Goodbye.$Properties instead.
             */

            /**
             * Shape of a Goodbye.
             * @typedef {holdfast.v1.Goodbye.$Properties} holdfast.v1.Goodbye.$Shape
             */

            /**
             * Constructs a new Goodbye.
             * @memberof holdfast.v1
             * @classdesc Represents a Goodbye.
             * @constructor
             * @param {holdfast.v1.Goodbye.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Goodbye = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Encodes the specified Goodbye message. Does not implicitly {@link holdfast.v1.Goodbye.verify|verify} messages.
             * @function encode
             * @memberof holdfast.v1.Goodbye
             * @static
             * @param {holdfast.v1.Goodbye.$Properties} message Goodbye message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Goodbye.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a Goodbye message from the specified reader or buffer.
             * @function decode
             * @memberof holdfast.v1.Goodbye
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {holdfast.v1.Goodbye & holdfast.v1.Goodbye.$Shape} Goodbye
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Goodbye.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.holdfast.v1.Goodbye();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    reader.skipType(tag & 7, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Goodbye;
        })();

        v1.OpenSession = (function() {

            /**
             * Properties of an OpenSession.
             * @typedef {Object} holdfast.v1.OpenSession.$Properties
             * @property {Uint8Array|null} [sessionId] OpenSession sessionId
             * @property {string|null} [host] OpenSession host
             * @property {number|null} [port] OpenSession port
             * @property {string|null} [client] OpenSession client
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of an OpenSession.
             * @memberof holdfast.v1
             * @interface IOpenSession
             * @augments holdfast.v1.OpenSession.$Properties
             * @deprecated Use holdfast.v1.OpenSession.$Properties instead.
             */

            /**
             * Shape of an OpenSession.
             * @typedef {holdfast.v1.OpenSession.$Properties} holdfast.v1.OpenSession.$Shape
             */

            /**
             * Constructs a new OpenSession.
             * @memberof holdfast.v1
             * @classdesc Represents an OpenSession.
             * @constructor
             * @param {holdfast.v1.OpenSession.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const OpenSession = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * OpenSession sessionId.
             * @member {Uint8Array} sessionId
             * @memberof holdfast.v1.OpenSession
             * @instance
             */
            OpenSession.prototype.sessionId = $util.newBuffer([]);

            /**
             * OpenSession host.
             * @member {string} host
             * @memberof holdfast.v1.OpenSession
             * @instance
             */
            OpenSession.prototype.host = "";

            /**
             * OpenSession port.
             * @member {number} port
             * @memberof holdfast.v1.OpenSession
             * @instance
             */
            OpenSession.prototype.port = 0;

            /**
             * OpenSession client.
             * @member {string} client
             * @memberof holdfast.v1.OpenSession
             * @instance
             */
            OpenSession.prototype.client = "";

            /**
             * Encodes the specified OpenSession message. Does not implicitly {@link holdfast.v1.OpenSession.verify|verify} messages.
             * @function encode
             * @memberof holdfast.v1.OpenSession
             * @static
             * @param {holdfast.v1.OpenSession.$Properties} message OpenSession message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            OpenSession.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.sessionId != null && $Object.hasOwnProperty.call(message, "sessionId") && message.sessionId.length)
                    writer.uint32(/* id 1, wireType 2 =*/10).bytes(message.sessionId);
                if (message.host != null && $Object.hasOwnProperty.call(message, "host") && message.host !== "")
                    writer.uint32(/* id 2, wireType 2 =*/18).string(message.host);
                if (message.port != null && $Object.hasOwnProperty.call(message, "port") && message.port !== 0)
                    writer.uint32(/* id 3, wireType 0 =*/24).uint32(message.port);
                if (message.client != null && $Object.hasOwnProperty.call(message, "client") && message.client !== "")
                    writer.uint32(/* id 4, wireType 2 =*/34).string(message.client);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes an OpenSession message from the specified reader or buffer.
             * @function decode
             * @memberof holdfast.v1.OpenSession
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {holdfast.v1.OpenSession & holdfast.v1.OpenSession.$Shape} OpenSession
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            OpenSession.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.holdfast.v1.OpenSession();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.bytes()).length)
                                message.sessionId = value;
                            else
                                delete message.sessionId;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.host = value;
                            else
                                delete message.host;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.port = value;
                            else
                                delete message.port;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.client = value;
                            else
                                delete message.client;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return OpenSession;
        })();

        v1.OpenResult = (function() {

            /**
             * Properties of an OpenResult.
             * @typedef {Object} holdfast.v1.OpenResult.$Properties
             * @property {number|null} [code] OpenResult code
             * @property {string|null} [remote] OpenResult remote
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of an OpenResult.
             * @memberof holdfast.v1
             * @interface IOpenResult
             * @augments holdfast.v1.OpenResult.$Properties
             * @deprecated Use holdfast.v1.OpenResult.$Properties instead.
             */

            /**
             * Shape of an OpenResult.
             * @typedef {holdfast.v1.OpenResult.$Properties} holdfast.v1.OpenResult.$Shape
             */

            /**
             * Constructs a new OpenResult.
             * @memberof holdfast.v1
             * @classdesc Represents an OpenResult.
             * @constructor
             * @param {holdfast.v1.OpenResult.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const OpenResult = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * OpenResult code.
             * @member {number} code
             * @memberof holdfast.v1.OpenResult
             * @instance
             */
            OpenResult.prototype.code = 0;

            /**
             * OpenResult remote.
             * @member {string} remote
             * @memberof holdfast.v1.OpenResult
             * @instance
             */
            OpenResult.prototype.remote = "";

            /**
             * Encodes the specified OpenResult message. Does not implicitly {@link holdfast.v1.OpenResult.verify|verify} messages.
             * @function encode
             * @memberof holdfast.v1.OpenResult
             * @static
             * @param {holdfast.v1.OpenResult.$Properties} message OpenResult message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            OpenResult.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.code != null && $Object.hasOwnProperty.call(message, "code") && message.code !== 0)
                    writer.uint32(/* id 1, wireType 0 =*/8).uint32(message.code);
                if (message.remote != null && $Object.hasOwnProperty.call(message, "remote") && message.remote !== "")
                    writer.uint32(/* id 2, wireType 2 =*/18).string(message.remote);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes an OpenResult message from the specified reader or buffer.
             * @function decode
             * @memberof holdfast.v1.OpenResult
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {holdfast.v1.OpenResult & holdfast.v1.OpenResult.$Shape} OpenResult
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            OpenResult.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.holdfast.v1.OpenResult();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.code = value;
                            else
                                delete message.code;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.remote = value;
                            else
                                delete message.remote;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return OpenResult;
        })();

        return v1;
    })();

    return holdfast;
})();

export {
  $root as default
};
