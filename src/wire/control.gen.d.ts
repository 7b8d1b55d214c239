import * as $protobuf from "protobufjs";
import Long = require("long");

export namespace holdfast {

    namespace v1 {

        interface IControl extends holdfast.v1.Control.$Properties {
        }

        class Control {
            constructor(properties?: holdfast.v1.Control.$Properties);
            $unknowns?: Uint8Array[];
            hello?: (holdfast.v1.Hello.$Properties|null);
            migrate?: (holdfast.v1.Migrate.$Properties|null);
            migrateAck?: (holdfast.v1.MigrateAck.$Properties|null);
            endpointUpdate?: (holdfast.v1.EndpointUpdate.$Properties|null);
            ping?: (holdfast.v1.Ping.$Properties|null);
            pong?: (holdfast.v1.Pong.$Properties|null);
            drain?: (holdfast.v1.Drain.$Properties|null);
            goodbye?: (holdfast.v1.Goodbye.$Properties|null);
            message?: ("hello"|"migrate"|"migrateAck"|"endpointUpdate"|"ping"|"pong"|"drain"|"goodbye");
            static encode(message: holdfast.v1.Control.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): holdfast.v1.Control & holdfast.v1.Control.$Shape;
        }

        namespace Control {
            interface $Properties {
                hello?: (holdfast.v1.Hello.$Properties|null);
                migrate?: (holdfast.v1.Migrate.$Properties|null);
                migrateAck?: (holdfast.v1.MigrateAck.$Properties|null);
                endpointUpdate?: (holdfast.v1.EndpointUpdate.$Properties|null);
                ping?: (holdfast.v1.Ping.$Properties|null);
                pong?: (holdfast.v1.Pong.$Properties|null);
                drain?: (holdfast.v1.Drain.$Properties|null);
                goodbye?: (holdfast.v1.Goodbye.$Properties|null);
                message?: ("hello"|"migrate"|"migrateAck"|"endpointUpdate"|"ping"|"pong"|"drain"|"goodbye");
                $unknowns?: Uint8Array[];
            }
            type $Shape = {
              hello?: holdfast.v1.Hello.$Shape|null;
              migrate?: holdfast.v1.Migrate.$Shape|null;
              migrateAck?: holdfast.v1.MigrateAck.$Shape|null;
              endpointUpdate?: holdfast.v1.EndpointUpdate.$Shape|null;
              ping?: holdfast.v1.Ping.$Shape|null;
              pong?: holdfast.v1.Pong.$Shape|null;
              drain?: holdfast.v1.Drain.$Shape|null;
              goodbye?: holdfast.v1.Goodbye.$Shape|null;
              $unknowns?: Uint8Array[];
            } & (
              ({ message?: undefined; hello?: null; migrate?: null; migrateAck?: null; endpointUpdate?: null; ping?: null; pong?: null; drain?: null; goodbye?: null }|{ message?: "hello"; hello: holdfast.v1.Hello.$Shape; migrate?: null; migrateAck?: null; endpointUpdate?: null; ping?: null; pong?: null; drain?: null; goodbye?: null }|{ message?: "migrate"; hello?: null; migrate: holdfast.v1.Migrate.$Shape; migrateAck?: null; endpointUpdate?: null; ping?: null; pong?: null; drain?: null; goodbye?: null }|{ message?: "migrateAck"; hello?: null; migrate?: null; migrateAck: holdfast.v1.MigrateAck.$Shape; endpointUpdate?: null; ping?: null; pong?: null; drain?: null; goodbye?: null }|{ message?: "endpointUpdate"; hello?: null; migrate?: null; migrateAck?: null; endpointUpdate: holdfast.v1.EndpointUpdate.$Shape; ping?: null; pong?: null; drain?: null; goodbye?: null }|{ message?: "ping"; hello?: null; migrate?: null; migrateAck?: null; endpointUpdate?: null; ping: holdfast.v1.Ping.$Shape; pong?: null; drain?: null; goodbye?: null }|{ message?: "pong"; hello?: null; migrate?: null; migrateAck?: null; endpointUpdate?: null; ping?: null; pong: holdfast.v1.Pong.$Shape; drain?: null; goodbye?: null }|{ message?: "drain"; hello?: null; migrate?: null; migrateAck?: null; endpointUpdate?: null; ping?: null; pong?: null; drain: holdfast.v1.Drain.$Shape; goodbye?: null }|{ message?: "goodbye"; hello?: null; migrate?: null; migrateAck?: null; endpointUpdate?: null; ping?: null; pong?: null; drain?: null; goodbye: holdfast.v1.Goodbye.$Shape })
            );
        }

        interface IHello extends holdfast.v1.Hello.$Properties {
        }

        class Hello {
            constructor(properties?: holdfast.v1.Hello.$Properties);
            $unknowns?: Uint8Array[];
            incarnation: Uint8Array;
            knownIncarnation: Uint8Array;
            sessionsMax: number;
            holdSeconds: number;
            features: number;
            endpoints: string[];
            static encode(message: holdfast.v1.Hello.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): holdfast.v1.Hello & holdfast.v1.Hello.$Shape;
        }

        namespace Hello {
            interface $Properties {
                incarnation?: (Uint8Array|null);
                knownIncarnation?: (Uint8Array|null);
                sessionsMax?: (number|null);
                holdSeconds?: (number|null);
                features?: (number|null);
                endpoints?: (string[]|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = holdfast.v1.Hello.$Properties;
        }

        enum MigrateReason {
            MIGRATE_REASON_UNSPECIFIED = 0,
            MIGRATE_REASON_FIRST = 1,
            MIGRATE_REASON_GONE = 2,
            MIGRATE_REASON_BETTER = 3,
            MIGRATE_REASON_DOUBT = 4,
            MIGRATE_REASON_COMMAND = 5,
            MIGRATE_REASON_REKEY = 6
        }

        interface IMigrate extends holdfast.v1.Migrate.$Properties {
        }

        class Migrate {
            constructor(properties?: holdfast.v1.Migrate.$Properties);
            $unknowns?: Uint8Array[];
            epoch: number;
            reason: holdfast.v1.MigrateReason;
            endpoints: string[];
            static encode(message: holdfast.v1.Migrate.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): holdfast.v1.Migrate & holdfast.v1.Migrate.$Shape;
        }

        namespace Migrate {
            interface $Properties {
                epoch?: (number|null);
                reason?: (holdfast.v1.MigrateReason|null);
                endpoints?: (string[]|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = holdfast.v1.Migrate.$Properties;
        }

        interface IMigrateAck extends holdfast.v1.MigrateAck.$Properties {
        }

        class MigrateAck {
            constructor(properties?: holdfast.v1.MigrateAck.$Properties);
            $unknowns?: Uint8Array[];
            epoch: number;
            accepted: boolean;
            greatestEpoch: number;
            static encode(message: holdfast.v1.MigrateAck.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): holdfast.v1.MigrateAck & holdfast.v1.MigrateAck.$Shape;
        }

        namespace MigrateAck {
            interface $Properties {
                epoch?: (number|null);
                accepted?: (boolean|null);
                greatestEpoch?: (number|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = holdfast.v1.MigrateAck.$Properties;
        }

        interface IEndpointUpdate extends holdfast.v1.EndpointUpdate.$Properties {
        }

        class EndpointUpdate {
            constructor(properties?: holdfast.v1.EndpointUpdate.$Properties);
            $unknowns?: Uint8Array[];
            endpoints: string[];
            static encode(message: holdfast.v1.EndpointUpdate.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): holdfast.v1.EndpointUpdate & holdfast.v1.EndpointUpdate.$Shape;
        }

        namespace EndpointUpdate {
            interface $Properties {
                endpoints?: (string[]|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = holdfast.v1.EndpointUpdate.$Properties;
        }

        interface IPing extends holdfast.v1.Ping.$Properties {
        }

        class Ping {
            constructor(properties?: holdfast.v1.Ping.$Properties);
            $unknowns?: Uint8Array[];
            id: number;
            static encode(message: holdfast.v1.Ping.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): holdfast.v1.Ping & holdfast.v1.Ping.$Shape;
        }

        namespace Ping {
            interface $Properties {
                id?: (number|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = holdfast.v1.Ping.$Properties;
        }

        interface IPong extends holdfast.v1.Pong.$Properties {
        }

        class Pong {
            constructor(properties?: holdfast.v1.Pong.$Properties);
            $unknowns?: Uint8Array[];
            id: number;
            static encode(message: holdfast.v1.Pong.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): holdfast.v1.Pong & holdfast.v1.Pong.$Shape;
        }

        namespace Pong {
            interface $Properties {
                id?: (number|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = holdfast.v1.Pong.$Properties;
        }

        interface IDrain extends holdfast.v1.Drain.$Properties {
        }

        class Drain {
            constructor(properties?: holdfast.v1.Drain.$Properties);
            $unknowns?: Uint8Array[];
            static encode(message: holdfast.v1.Drain.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): holdfast.v1.Drain & holdfast.v1.Drain.$Shape;
        }

        namespace Drain {
            interface $Properties {
                $unknowns?: Uint8Array[];
            }
            type $Shape = holdfast.v1.Drain.$Properties;
        }

        interface IGoodbye extends holdfast.v1.Goodbye.$Properties {
        }

        class Goodbye {
            constructor(properties?: holdfast.v1.Goodbye.$Properties);
            $unknowns?: Uint8Array[];
            static encode(message: holdfast.v1.Goodbye.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): holdfast.v1.Goodbye & holdfast.v1.Goodbye.$Shape;
        }

        namespace Goodbye {
            interface $Properties {
                $unknowns?: Uint8Array[];
            }
            type $Shape = holdfast.v1.Goodbye.$Properties;
        }

        interface IOpenSession extends holdfast.v1.OpenSession.$Properties {
        }

        class OpenSession {
            constructor(properties?: holdfast.v1.OpenSession.$Properties);
            $unknowns?: Uint8Array[];
            sessionId: Uint8Array;
            host: string;
            port: number;
            client: string;
            static encode(message: holdfast.v1.OpenSession.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): holdfast.v1.OpenSession & holdfast.v1.OpenSession.$Shape;
        }

        namespace OpenSession {
            interface $Properties {
                sessionId?: (Uint8Array|null);
                host?: (string|null);
                port?: (number|null);
                client?: (string|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = holdfast.v1.OpenSession.$Properties;
        }

        interface IOpenResult extends holdfast.v1.OpenResult.$Properties {
        }

        class OpenResult {
            constructor(properties?: holdfast.v1.OpenResult.$Properties);
            $unknowns?: Uint8Array[];
            code: number;
            remote: string;
            static encode(message: holdfast.v1.OpenResult.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): holdfast.v1.OpenResult & holdfast.v1.OpenResult.$Shape;
        }

        namespace OpenResult {
            interface $Properties {
                code?: (number|null);
                remote?: (string|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = holdfast.v1.OpenResult.$Properties;
        }
    }
}
