import { Emitter, Event } from '@theia/core/lib/common/event';
import { inject, injectable, postConstruct } from '@theia/core/shared/inversify';
import { FileService } from '@theia/filesystem/lib/browser/file-service';
import { TrashItem } from '../../common/protocol.generated';
import { BridgeConnection } from '../connection/bridge-connection';

/** What was deleted and can be had again. All methods throw `BridgeError`. */
@injectable()
export class TrashService {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    @inject(FileService)
    protected readonly fileService: FileService;

    protected readonly onDidChangeEmitter = new Emitter<void>();
    /** Fires when there may be something else in the trash than before. */
    readonly onDidChange: Event<void> = this.onDidChangeEmitter.event;

    @postConstruct()
    protected init(): void {
        this.fileService.onDidFilesChange(event => {
            if (event.gotDeleted()) {
                this.onDidChangeEmitter.fire();
            }
        });
    }

    /** The last deleted first. */
    async list(): Promise<TrashItem[]> {
        return (await this.connection.request('trash.list', {})).items;
    }

    /** Puts it back where it was; `overwrite` puts what is there now into the trash. */
    async restore({ id }: TrashItem, overwrite: boolean): Promise<void> {
        await this.change(() => this.connection.mutate('trash.restore', { id, overwrite }));
    }

    async delete({ id }: TrashItem): Promise<void> {
        await this.change(() => this.connection.mutate('trash.delete', { id }));
    }

    async empty(): Promise<void> {
        await this.change(() => this.connection.mutate('trash.empty', {}));
    }

    protected async change(request: () => Promise<unknown>): Promise<void> {
        try {
            await request();
        } finally {
            this.onDidChangeEmitter.fire();
        }
    }
}
