import { JsonSchemaDataStore } from '@theia/core/lib/browser/json-schema-store';
import { IJSONSchema } from '@theia/core/lib/common/json-schema';
import URI from '@theia/core/lib/common/uri';
import { injectable } from '@theia/core/shared/inversify';

/**
 * Schemas become text when they are read, which few are. The settings' schema has every setting for every language, four times,
 * and is set anew with each that is declared late: as text at once, it takes a fifth of the time the IDE takes to start.
 */
@injectable()
export class LazyJsonSchemaStore extends JsonSchemaDataStore {
    protected readonly waiting = new Map<string, IJSONSchema>();

    override hasSchema(uri: URI): boolean {
        return this.waiting.has(uri.toString()) || super.hasSchema(uri);
    }

    override getSchema(uri: URI): string | undefined {
        const schema = this.waiting.get(uri.toString());
        if (schema) {
            this.waiting.delete(uri.toString());
            this._schemas.set(uri.toString(), JSON.stringify(schema));
        }
        return super.getSchema(uri);
    }

    override setSchema(uri: URI, schema: IJSONSchema | string): void {
        if (typeof schema === 'string') {
            this.waiting.delete(uri.toString());
            super.setSchema(uri, schema);
        } else {
            this.waiting.set(uri.toString(), schema);
            this.notifySchemaUpdate(uri);
        }
    }

    override deleteSchema(uri: URI): void {
        const waited = this.waiting.delete(uri.toString());
        if (this._schemas.delete(uri.toString()) || waited) {
            this.notifySchemaUpdate(uri);
        }
    }
}
