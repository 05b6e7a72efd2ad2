<?php
// Loads every generated class, so that names which PHP reserves or knows twice are found, and takes each message through
// its bytes.
declare(strict_types=1);

[, $folder] = $argv;
spl_autoload_register(function (string $class) use ($folder): void {
    $path = str_replace('\\', '/', $class) . '.php';
    if (is_file("$folder/$path")) {
        require_once "$folder/$path";
    } elseif ($found = stream_resolve_include_path($path)) {
        require_once $found;
    }
});
// The base of the stubs is the gRPC extension's, which not every machine with PHP has.
if (!class_exists('Grpc\BaseStub')) {
    eval('namespace Grpc; class BaseStub { public function __construct($hostname, $opts, $channel = null) {} }');
}

[$messages, $others] = [0, 0];
foreach (new RecursiveIteratorIterator(new RecursiveDirectoryIterator($folder, FilesystemIterator::SKIP_DOTS)) as $file) {
    $class = strtr(substr($file->getPathname(), strlen($folder) + 1, -strlen('.php')), '/', '\\');
    if (!class_exists($class)) {
        throw new Exception("$file does not declare $class");
    }
    if (is_subclass_of($class, Google\Protobuf\Internal\Message::class)) {
        (new $class())->mergeFromString((new $class())->serializeToString());
        $messages++;
    } else {
        $others++;
    }
}
if ($messages === 0) {
    throw new Exception("no message in $folder");
}
echo "ok: $messages messages, $others other classes\n";
