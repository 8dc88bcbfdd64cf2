{
  description = "hlmesh: bare-metal GitOps on three nodes";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-24.05";

  outputs = { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" ];
      forAll = f: nixpkgs.lib.genAttrs systems (system: f nixpkgs.legacyPackages.${system});
      libraries = pkgs: with pkgs; [
        zeromq protobufc libyaml libgit2 curl lmdb libmicrohttpd libsodium libseccomp openssl pcre2 libxcrypt zlib
      ];
      tools = pkgs: with pkgs; [ cmake ninja pkg-config protobufc ];
      hlmesh = pkgs: pkgs.stdenv.mkDerivation {
        pname = "hlmesh";
        version = "0.1.0";
        src = self;
        nativeBuildInputs = tools pkgs;
        buildInputs = libraries pkgs ++ [ pkgs.cmocka pkgs.python3 ];
        cmakeFlags = [ "-DHL_HARDEN=ON" ];
      };
    in
    {
      packages = forAll (pkgs: { default = hlmesh pkgs; });

      devShells = forAll (pkgs: {
        default = pkgs.mkShell {
          nativeBuildInputs = tools pkgs ++ (with pkgs; [ clang-tools jq git openssh python3 ]);
          buildInputs = libraries pkgs ++ [ pkgs.cmocka pkgs.jansson ];
        };
      });

      checks = forAll (pkgs: {
        unit = (hlmesh pkgs).overrideAttrs (_: {
          doCheck = true;
          checkPhase = "ctest --output-on-failure -L unit";
        });
      });

      formatter = forAll (pkgs: pkgs.nixpkgs-fmt);
    };
}
