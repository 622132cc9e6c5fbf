/** A JSON Schema, as far as the server's document uses it. */
export interface Schema {
    readonly $ref?: string;
    readonly title?: string;
    readonly description?: string;
    readonly type?: string;
    readonly enum?: readonly (string | number | boolean | null)[];
    readonly const?: string | number | boolean | null;
    readonly anyOf?: readonly Schema[];
    readonly items?: Schema;
    readonly properties?: Readonly<Record<string, Schema>>;
    readonly required?: readonly string[];
    readonly additionalProperties?: boolean | Schema;
    readonly contentEncoding?: string;
    readonly default?: unknown;
    readonly minimum?: number;
    readonly maximum?: number;
    readonly minLength?: number;
    readonly maxLength?: number;
    readonly minItems?: number;
    readonly maxItems?: number;
    readonly pattern?: string;
}

export interface Param {
    readonly name: string;
    readonly required: boolean;
    readonly schema: Schema;
}

/** A method, or a notification, which has no result. */
export interface MethodDescription {
    readonly name: string;
    readonly summary?: string;
    readonly description?: string;
    readonly params: readonly Param[];
    readonly 'x-params'?: Schema;
    readonly result?: { readonly schema: Schema };
    readonly examples?: readonly { readonly params: readonly { readonly name: string, readonly value: unknown }[] }[];
}

export interface ErrorDescription {
    readonly code: number;
    readonly message: string;
}

/** The server's OpenRPC document. */
export interface ApiDocument {
    readonly info: { readonly title: string, readonly version: string };
    readonly methods: readonly MethodDescription[];
    readonly components: {
        readonly schemas: Readonly<Record<string, Schema>>;
        readonly errors: Readonly<Record<string, ErrorDescription>>;
    };
    readonly 'x-notifications': readonly MethodDescription[];
}

export type TypeKind = 'string' | 'integer' | 'number' | 'boolean' | 'enum' | 'array' | 'object' | 'bytes' | 'any';

/** What a schema allows, with references followed and `null` set apart. */
export interface Type {
    readonly kind: TypeKind;
    readonly nullable: boolean;
    /** Without `null`. */
    readonly choices: readonly (string | number | boolean)[];
    readonly schema: Schema;
}

const KINDS = new Set(['string', 'integer', 'number', 'boolean', 'array', 'object']);

/** The server's methods and their types. */
export class Api {

    readonly methods: ReadonlyMap<string, MethodDescription>;
    readonly notifications: ReadonlyMap<string, MethodDescription>;
    readonly errors: ReadonlyMap<string, ErrorDescription>;

    constructor(protected readonly document: Pick<ApiDocument, 'methods' | 'components' | 'x-notifications'>) {
        const byName = (described: readonly MethodDescription[]) => new Map(described.map(one => [one.name, one]));
        this.methods = byName(document.methods);
        this.notifications = byName(document['x-notifications']);
        this.errors = new Map(Object.entries(document.components.errors));
    }

    /** A schema without the reference that leads to it. */
    resolve(schema: Schema): Schema {
        const { $ref } = schema;
        return $ref === undefined ? schema : this.resolve(this.document.components.schemas[$ref.slice($ref.lastIndexOf('/') + 1)] ?? {});
    }

    type(described: Schema): Type {
        const schema = this.resolve(described);
        if (schema.anyOf) {
            const members = schema.anyOf.filter(({ type }) => type !== 'null');
            const nullable = members.length < schema.anyOf.length;
            if (members.length !== 1) {
                return { kind: 'any', nullable, choices: [], schema };
            }
            const type = this.type(members[0]);
            return { ...type, nullable: nullable || type.nullable };
        }
        const values = schema.enum ?? (schema.const === undefined ? undefined : [schema.const]);
        if (values) {
            const choices = values.filter(value => value !== null);
            return { kind: 'enum', nullable: choices.length < values.length, choices, schema };
        }
        if (schema.type === 'string' && schema.contentEncoding === 'base64') {
            return { kind: 'bytes', nullable: false, choices: [], schema };
        }
        const kind = schema.type !== undefined && KINDS.has(schema.type) ? schema.type as TypeKind : 'any';
        return { kind, nullable: false, choices: [], schema };
    }

    param(method: string, name: string): Param | undefined {
        return this.methods.get(method)?.params.find(param => param.name === name);
    }
}
