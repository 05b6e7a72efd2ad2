//! The languages that are tried, and what each takes.
use std::process::Command;

use crate::{
    Outcome,
    packages::{self, Package},
    run::succeeds,
};

/// A language of docs/clients.md.
pub(super) struct Language {
    /// As the heading has it.
    pub(super) name: &'static str,
    /// Where its sources are, below tests/clients.
    pub(super) folder: &'static str,
    /// What its commands need.
    pub(super) tools: &'static [Tool],
    /// Whether `ci` tries it. The others take longer than they are likely to find there.
    pub(super) in_ci: bool,
}

impl Language {
    /// Installs what its commands need, unless it is there.
    pub(super) fn require(&self) -> Outcome {
        self.tools.iter().try_for_each(Tool::require)
    }
}

/// Something that may have to be installed.
pub(super) struct Tool {
    name: &'static str,
    /// A command that succeeds where it is installed.
    probe: &'static [&'static str],
    package: Package,
}

impl Tool {
    /// Installs it, unless it is there.
    fn require(&self) -> Outcome {
        let there = || {
            let [program, args @ ..] = self.probe else { return false };
            succeeds(Command::new(program).args(args))
        };
        if there() {
            return Ok(());
        }
        packages::install(self.name, &self.package, "install it, or name only other languages")?;
        if there() { Ok(()) } else { Err(format!("{} does not work: {}", self.name, self.probe.join(" "))) }
    }
}

const fn package(apt: &'static str, dnf: &'static str, apk: &'static str, brew: &'static str) -> Package {
    Package { apt, dnf, apk, brew }
}

const PROTOC: Tool = Tool {
    name: "protoc",
    probe: &["protoc", "--version"],
    package: package("protobuf-compiler", "protobuf-compiler", "protoc", "protobuf"),
};
/// The generators for C++, Ruby and PHP.
const GRPC_PLUGINS: Tool = Tool {
    name: "gRPC's generators",
    probe: &[
        "sh",
        "-c",
        "command -v grpc_cpp_plugin && command -v grpc_ruby_plugin && command -v grpc_php_plugin",
    ],
    package: package("protobuf-compiler-grpc", "grpc-plugins", "grpc-plugins", "grpc"),
};
/// protobuf's own types as .proto files; with Debian's protoc they come apart from it.
const PROTO_FILES: Tool = Tool {
    name: "protobuf's .proto files",
    probe: &[
        "protoc",
        "--descriptor_set_out=/dev/null",
        "google/protobuf/descriptor.proto",
        "-I/usr/include",
    ],
    package: package("libprotobuf-dev", "protobuf-devel", "protobuf-dev", "protobuf"),
};
/// Older ones can't run what the lock files name.
const NODE: Tool = Tool {
    name: "Node 20",
    probe: &["node", "-e", "process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)"],
    package: package("nodejs", "nodejs", "nodejs", "node"),
};
const NPM: Tool =
    Tool { name: "npm", probe: &["npm", "--version"], package: package("npm", "npm", "npm", "node") };
/// From this version on Go gets the toolchain that a module asks for by itself.
const GO: Tool = Tool {
    name: "Go 1.21",
    probe: &[
        "sh",
        "-c",
        "printf 'go1.21\\n%s\\n' \"$(go env GOVERSION)\" | sort --check=quiet --version-sort",
    ],
    package: package("golang-go", "golang", "go", "go"),
};
const JDK: Tool = Tool {
    name: "a JDK",
    probe: &["javac", "-version"],
    package: package("default-jdk-headless", "java-17-openjdk-devel", "openjdk17-jdk", "openjdk@17"),
};
const MAVEN: Tool = Tool {
    name: "Maven",
    probe: &["mvn", "--version"],
    package: package("maven", "maven", "maven", "maven"),
};
const RUBY: Tool = Tool {
    name: "gRPC for Ruby",
    probe: &["ruby", "-e", "require 'grpc'"],
    package: package("ruby-grpc", "rubygem-grpc", "ruby-grpc", "ruby"),
};
const PHP: Tool = Tool {
    name: "PHP",
    probe: &["php", "--version"],
    package: package("php-cli", "php-cli", "php-cli", "php"),
};
const PHP_PROTOBUF: Tool = Tool {
    name: "protobuf for PHP",
    probe: &["php", "-r", "stream_resolve_include_path('Google/Protobuf/Any.php') || exit(1);"],
    package: package("php-google-protobuf", "php-google-protobuf", "php-protobuf", "php"),
};
const CPP: Tool = Tool {
    name: "a C++ compiler",
    probe: &["g++", "--version"],
    package: package("g++", "gcc-c++", "g++", "gcc"),
};
const GRPC_CPP: Tool = Tool {
    name: "gRPC for C++",
    probe: &["sh", "-c", "echo '#include <grpcpp/grpcpp.h>' | g++ -fsyntax-only -x c++ -"],
    package: package("libgrpc++-dev", "grpc-devel", "grpc-dev", "grpc"),
};

/// In the order in which they are tried: the quick ones first.
pub(super) const LANGUAGES: [Language; 10] = [
    Language { name: "Python", folder: "python", tools: &[], in_ci: true },
    Language { name: "Node", folder: "node", tools: &[NODE, NPM], in_ci: true },
    Language {
        name: "TypeScript",
        folder: "typescript",
        tools: &[NODE, NPM, PROTOC, PROTO_FILES],
        in_ci: true,
    },
    Language { name: "Go", folder: "go", tools: &[GO, PROTOC, PROTO_FILES], in_ci: true },
    Language { name: "Java", folder: "java", tools: &[JDK, MAVEN], in_ci: true },
    Language { name: "Kotlin", folder: "kotlin", tools: &[JDK, MAVEN], in_ci: false },
    Language {
        name: "Ruby",
        folder: "ruby",
        tools: &[PROTOC, PROTO_FILES, GRPC_PLUGINS, RUBY],
        in_ci: false,
    },
    Language {
        name: "PHP",
        folder: "php",
        tools: &[PROTOC, PROTO_FILES, GRPC_PLUGINS, PHP, PHP_PROTOBUF],
        in_ci: false,
    },
    Language {
        name: "C++",
        folder: "cpp",
        tools: &[PROTOC, PROTO_FILES, GRPC_PLUGINS, CPP, GRPC_CPP],
        in_ci: false,
    },
    Language {
        name: "C# and Objective-C",
        folder: "csharp-objc",
        tools: &[PROTOC, PROTO_FILES],
        in_ci: false,
    },
];
