import {
    createFileSystemProviderError, FileOperationError, FileOperationResult, FileSystemProviderError, FileSystemProviderErrorCode
} from '@theia/filesystem/lib/common/files';
import { BridgeError } from '../../common/bridge-error';
import { ErrorKind } from '../../common/protocol.generated';

const CODES: ReadonlyMap<ErrorKind, FileSystemProviderErrorCode> = new Map<ErrorKind, FileSystemProviderErrorCode>([
    ['FileExists', FileSystemProviderErrorCode.FileExists],
    ['FileNotFound', FileSystemProviderErrorCode.FileNotFound],
    ['FileNotADirectory', FileSystemProviderErrorCode.FileNotADirectory],
    ['FileIsADirectory', FileSystemProviderErrorCode.FileIsADirectory],
    ['FileTooLarge', FileSystemProviderErrorCode.FileTooLarge],
    ['NoPermissions', FileSystemProviderErrorCode.NoPermissions],
    ['Unavailable', FileSystemProviderErrorCode.Unavailable]
]);

/** The error as Theia's file service tells them apart; kinds it has no code for keep the server's words. */
export function toFileSystemError(error: unknown): FileSystemProviderError | FileOperationError {
    if (error instanceof BridgeError) {
        if (error.kind === 'Conflict') {
            // No provider error means this; the file service passes its own kind of error on.
            return new FileOperationError(error.message, FileOperationResult.FILE_MODIFIED_SINCE);
        }
        return createFileSystemProviderError(error.message, CODES.get(error.kind) ?? FileSystemProviderErrorCode.Unknown);
    }
    return createFileSystemProviderError(error instanceof Error ? error.message : String(error), FileSystemProviderErrorCode.Unknown);
}
