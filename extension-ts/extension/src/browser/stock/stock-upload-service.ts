import URI from '@theia/core/lib/common/uri';
import { inject, injectable } from '@theia/core/shared/inversify';
import { FileUploadServiceImpl } from '@theia/filesystem/lib/browser/upload/file-upload-service-impl';
import { FileUploadService } from '@theia/filesystem/lib/common/upload/file-upload';
import { BridgeUploadService } from '../files/bridge-upload-service';
import { isServed } from '../files/file-paths';

/** Uploads to the server's files as Theia Bridge does, and to the Node backend's as Theia does. */
@injectable()
export class StockUploadService extends FileUploadServiceImpl {

    @inject(BridgeUploadService)
    protected readonly served: BridgeUploadService;

    override async upload(target: string | URI, params?: FileUploadService.UploadParams): Promise<FileUploadService.UploadResult> {
        return isServed(new URI(target.toString())) ? this.served.upload(target, params) : super.upload(target, params);
    }
}
